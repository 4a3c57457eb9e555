package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// pauseLine is what the clients print to have the host's process read its gauges;
// they go on when it answers with a line.
const pauseLine = "pause"

// startClients runs the clients in a process of their own, and returns their sample
// and what the host's process found at each of their pauses.
func startClients(r *run, timeWaits func() int) (sample, []reading, error) {
	spec, err := json.Marshal(r)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), clientEnv+"="+string(spec))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("bench: starting the clients: %w", err)
	}
	s, pauses, err := follow(out, in, func() reading { return read(timeWaits) })
	if waitErr := cmd.Wait(); waitErr != nil {
		// They have said why.
		return nil, nil, fmt.Errorf("bench: the clients of %s: %w", r.Subject, waitErr)
	}
	return s, pauses, err
}

// follow reads what the clients print, until they end.
func follow(out io.Reader, in io.WriteCloser, read func() reading) (s sample, pauses []reading, err error) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == pauseLine {
			pauses = append(pauses, read())
			if _, err := fmt.Fprintln(in); err != nil {
				return nil, nil, err
			}
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return nil, nil, fmt.Errorf("bench: the clients said %q: %w", lines.Text(), err)
		}
	}
	if s == nil {
		err = errors.New("bench: the clients said nothing")
	}
	return s, pauses, errors.Join(err, lines.Err(), in.Close())
}

// pause has the host's process read its gauges now.
func pause() error {
	fmt.Println(pauseLine)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "" {
		return fmt.Errorf("bench: the host's process answered %q to a pause: %w", line, err)
	}
	return nil
}
