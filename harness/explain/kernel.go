package explain

import (
	"fmt"
	"strings"

	"lastack/harness/capture/reasons"
	"lastack/harness/teardown"
	"lastack/harness/term"
)

// askKernel is what the kernel says about a connection.
func (a *Analysis) askKernel(e *ended, c *Connection) *reasons.Close {
	if a.opt.Kernel == nil || e.tunnel != nil {
		return nil
	}
	q := reasons.Query{
		Client: e.client, Server: e.server, Start: c.Start, End: c.Start.Add(e.duration()),
		First: side(c.ActiveCloser), Reset: c.ResetBy != teardown.None,
	}
	if q.Reset {
		q.First = side(c.ResetBy)
	}
	return a.opt.Kernel(q)
}

// side is the one side meant, if it is one.
func side(w teardown.Who) reasons.Side {
	switch w {
	case teardown.Client:
		return reasons.Client
	case teardown.Server:
		return reasons.Server
	}
	return ""
}

// kernelWords are what the kernel says, for a line: the end that closed first.
//
//	server nginx (812): TCP_ABORT_ON_CLOSE
//	client curl (990)
func kernelWords(k *reasons.Close) (list []string) {
	if k == nil {
		return nil
	}
	for _, e := range []*reasons.End{&k.End, k.Other} {
		if e == nil || e.Side == "" {
			continue
		}
		words := string(e.Side)
		switch {
		case e.PID != 0 && e.Command != "":
			words += fmt.Sprintf(" %s (%d)", term.Quote(e.Command), e.PID)
		case e.PID != 0:
			words += fmt.Sprintf(" process %d", e.PID)
		}
		if e.Reason != "" {
			words += ": " + e.Reason
		}
		if words != string(e.Side) {
			list = append(list, words)
		}
	}
	if k.Ambiguous {
		list = append(list, "sockets of two network namespaces have these addresses and ports")
	}
	return list
}

// kernelLine is kernelWords behind what the packets show.
func (c *Connection) kernelLine() string {
	words := kernelWords(c.Kernel)
	if len(words) == 0 {
		return ""
	}
	return "; " + strings.Join(words, "; ")
}
