package explain

import (
	"cmp"
	"fmt"
	"slices"
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

// KernelReset counts connections that this machine's kernel reset.
type KernelReset struct {
	// Reason is the kernel's word; OtherReasons is all those that were not told apart.
	Reason string `json:"reason"`
	// Command is the process that the kernel did it for, by name; empty where that is
	// unknown or nobody.
	Command     string `json:"command,omitempty"`
	Connections int    `json:"connections"`
}

// OtherReasons stands for those beyond the ones that are told apart.
const OtherReasons = "others"

const (
	// maxKernelResets are told apart, and shownKernelResets of them in text.
	maxKernelResets   = 64
	shownKernelResets = 6
)

// kernelResets counts RSTs by reason and process; the zero value has none.
type kernelResets struct {
	all []KernelReset
}

// see counts a connection that is over.
func (r *kernelResets) see(k *reasons.Close) {
	if k == nil {
		return
	}
	e := &k.End
	if e.Reason == "" && k.Other != nil {
		e = k.Other
	}
	if e.Reason == "" {
		return
	}
	one := KernelReset{Reason: e.Reason, Command: e.Command}
	same := func(o KernelReset) bool { return o.Reason == one.Reason && o.Command == one.Command }
	i := slices.IndexFunc(r.all, same)
	if i < 0 && len(r.all) >= maxKernelResets-1 {
		one = KernelReset{Reason: OtherReasons}
		i = slices.IndexFunc(r.all, same)
	}
	if i < 0 {
		i = len(r.all)
		r.all = append(r.all, one)
	}
	r.all[i].Connections++
}

// list has the most frequent first.
func (r *kernelResets) list() []KernelReset {
	return slices.SortedFunc(slices.Values(r.all), func(x, y KernelReset) int {
		return cmp.Or(cmp.Compare(y.Connections, x.Connections), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Command, y.Command))
	})
}

// kernelResets is a sentence about why the kernel sent RSTs.
func (s *Summary) kernelResets() string {
	var parts []string
	for i, r := range s.KernelResets {
		if i == shownKernelResets {
			parts = append(parts, fmt.Sprintf("and %d more (--json has all)", len(s.KernelResets)-i))
			break
		}
		part := r.Reason + " " + number(r.Connections)
		if r.Command != "" {
			part += " (" + term.Quote(r.Command) + ")"
		}
		parts = append(parts, part)
	}
	return "Why this machine's kernel sent RSTs: " + strings.Join(parts, ", ") + "."
}
