package sockstat

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxCounters is the largest file of counters that is read: the kernel's is some KiB.
const maxCounters = 1 << 20

// ReadCounters adds to counters what a file such as /proc/net/netstat or /proc/net/snmp
// has, by nstat's names ("TcpExtTCPTimeWaitOverflow"): two lines a protocol, names and
// numbers. A number that is negative, as TcpMaxConn, is left out.
func ReadCounters(r io.Reader, counters map[string]uint64) error {
	text, err := io.ReadAll(io.LimitReader(r, maxCounters))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		group, names, ok := strings.Cut(lines[i], ":")
		again, values, same := strings.Cut(lines[i+1], ":")
		keys, numbers := strings.Fields(names), strings.Fields(values)
		if !ok || !same || group != again || len(keys) != len(numbers) {
			return fmt.Errorf("line %d: want a line of names and one of as many numbers", i+1)
		}
		for k, key := range keys {
			if strings.HasPrefix(numbers[k], "-") {
				continue
			}
			n, err := strconv.ParseUint(numbers[k], 10, 64)
			if err != nil {
				return fmt.Errorf("line %d: %s%s is %q, not a number", i+2, group, key, numbers[k])
			}
			counters[group+key] = n
		}
	}
	return nil
}

// Orphans reads /proc/net/sockstat: how many sockets no process holds any more, TIME_WAIT
// apart. ok is false where it does not say.
func Orphans(r io.Reader) (n int, ok bool) {
	text, err := io.ReadAll(io.LimitReader(r, maxCounters))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "TCP:" {
			continue
		}
		for i := 1; i+1 < len(f); i += 2 {
			if f[i] == "orphan" {
				n, err := strconv.Atoi(f[i+1])
				return n, err == nil && n >= 0
			}
		}
	}
	return 0, false
}
