package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lastack/harness/app"
	"lastack/harness/host/control"
	"lastack/harness/host/serve"
	"lastack/harness/lab"
)

// labHelp is what "lab" prints in the lab's shell.
func labHelp(cfg *serve.Config) string {
	apps := cfg.Apps
	if len(apps) == 0 {
		apps = app.Defaults()
	}
	var b strings.Builder
	b.WriteString("lastack's host is 10.77.0.2 and fd77::2, this shell's kernel is 10.77.0.1 and fd77::1.\n\nServers:\n")
	docs := map[string]string{}
	for _, k := range app.Kinds() {
		docs[k.Name] = k.Doc
	}
	for _, a := range apps {
		fmt.Fprintf(&b, "  %5d  %-13s %s\n", a.Port, a.Kind, docs[a.Kind])
	}
	if len(cfg.Apps) == 0 { // the ports below are the default apps'
		b.WriteString(labThings)
	}
	if lab.UserNamespace() {
		b.WriteString(`
tcpdump cannot give up its privileges in a user namespace; for the same segments as the
kernel sees them: lastack explain -i lastack0
`)
	} else {
		b.WriteString("\ntcpdump -ni lastack0 shows the same segments.\n")
	}
	b.WriteString("lab closes draws the latest connections, lab prints this again; exit ends it all.\n")
	return b.String()
}

const labThings = `
Five things to try, and after each of them: lab closes
  curl -s http://10.77.0.2/                  three segments: the FIN carries the held ACK
  printf x | nc -N 10.77.0.2 8002            four: the server closes 300 ms late
  printf x | nc 10.77.0.2 8001; lastack ss -tan     the server closes first, and has TIME_WAIT
  printf x | nc -N -w 1 10.77.0.2 8004; lastack ss -tan     a server that never closes: CLOSE-WAIT
  lastack sysctl -w lastack.delayed_ack=0    then the first again: four segments
`

// settle waits until the host is through with its connections, for a moment: a command ends
// before the last segment of its connection has come.
func settle(ctx context.Context, socket string) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	client := control.NewClient(socket)
	for {
		info, err := client.Host(ctx)
		if err != nil || info.Flows == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// bounded keeps what is written to it, up to maxLabJSON bytes.
type bounded struct {
	buf bytes.Buffer
	cut bool
}

const maxLabJSON = 64 << 20

func (w *bounded) Write(b []byte) (int, error) {
	if w.cut = w.cut || w.buf.Len()+len(b) > maxLabJSON; !w.cut {
		w.buf.Write(b)
	}
	return len(b), nil
}

// closes are the lines that serve wrote, but for the summary.
func (w *bounded) closes() []json.RawMessage {
	all := []json.RawMessage{}
	dec := json.NewDecoder(&w.buf)
	for {
		var line json.RawMessage
		if dec.Decode(&line) != nil {
			return all // the end, or a line that was cut
		}
		var sum struct {
			Summary json.RawMessage `json:"summary"`
		}
		if json.Unmarshal(line, &sum) == nil && sum.Summary == nil {
			all = append(all, line)
		}
	}
}
