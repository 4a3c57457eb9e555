package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// resets counts the connections of this network namespace's kernel that were reset
// while they lived, and the RSTs that it sent.
func resets() (float64, error) {
	const path = "/proc/thread-self/net/snmp"
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("bench: reading TCP's counters: %w", err)
	}
	n, err := sumTCP(string(b), "EstabResets", "OutRsts")
	if err != nil {
		return 0, fmt.Errorf("bench: %s: %w", path, err)
	}
	return n, nil
}

// sumTCP adds up counters of the line "Tcp:", whose names are in another before it.
func sumTCP(snmp string, names ...string) (float64, error) {
	var lines [][]string
	for line := range strings.Lines(snmp) {
		if rest, ok := strings.CutPrefix(line, "Tcp:"); ok {
			lines = append(lines, strings.Fields(rest))
		}
	}
	if len(lines) != 2 || len(lines[0]) != len(lines[1]) {
		return 0, errors.New("no line of TCP's counters beside one of their names")
	}
	total, found := 0.0, 0
	for i, name := range lines[0] {
		for _, want := range names {
			if name == want {
				n, err := strconv.ParseFloat(lines[1][i], 64)
				if err != nil {
					return 0, err
				}
				total += n
				found++
			}
		}
	}
	if found != len(names) {
		return 0, fmt.Errorf("not all of the counters %s are there", strings.Join(names, ", "))
	}
	return total, nil
}
