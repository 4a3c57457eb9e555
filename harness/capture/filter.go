package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// Filter is a program of the kernel's packet filter (classic BPF) that says which IP
// packets a Live records. nil records all. Make one with CompileFilter.
type Filter []FilterOp

// FilterOp is one instruction, as struct sock_filter has it.
type FilterOp struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// FilterError says that an expression is no filter, in tcpdump's words.
type FilterError struct {
	// Expr is the expression, Said what tcpdump said of it.
	Expr, Said string
	// Link tells that the expression asks for a link header.
	Link bool
}

// Error quotes both, and says what to do about a link header.
func (e *FilterError) Error() string {
	text := fmt.Sprintf("%q is no filter of IP packets: %s", e.Expr, e.Said)
	if e.Link {
		text += "; a live capture filters from the IP header on, alike on every interface: filter by addresses and ports, or record the interface of the VLAN itself"
	}
	return text
}

// The kernel's bound on a program, and what tcpdump prints for one of that length.
const (
	maxFilterOps  = 4096
	maxFilterText = maxFilterOps * 32
)

// CompileFilter compiles an expression of pcap-filter(7), such as "tcp port 80", with the
// tcpdump found in PATH: its library alone knows the whole language. The expression is
// about the IP packet, whatever the link, so that one program is right on every interface
// and on all at once; one about link headers (vlan, ether host) is a *FilterError, like
// one that makes no sense, and lengths (less, greater, len) are those of IP packets. A
// packet that is not IP right behind the link header does not pass.
//
// Without tcpdump the error is an *UnavailableError. No privilege is needed.
func CompileFilter(ctx context.Context, expr string) (Filter, error) {
	if at := linkBytes.FindString(expr); at != "" {
		return nil, &FilterError{Expr: expr, Said: fmt.Sprintf("%s...] is a byte of the link header", at), Link: true}
	}
	var out, said bytes.Buffer
	c := exec.CommandContext(ctx, "tcpdump", "-ddd", "-y", "RAW", "--", expr)
	c.Env = append(c.Environ(), "LC_ALL=C")
	c.Stdout, c.Stderr = &limited{&out, maxFilterText}, &limited{&said, 4096}
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, &UnavailableError{
			What: fmt.Sprintf("it is not installed, and compiles the filter %q", expr),
			Mend: "apt install tcpdump, or capture without a filter", Err: err,
		}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &exit):
		return nil, refused(expr, said.String())
	case err != nil:
		return nil, fmt.Errorf("capture: compile the filter %q: run tcpdump: %w", expr, err)
	}
	program, err := parseFilter(out.String())
	if err != nil {
		return nil, fmt.Errorf("capture: compile the filter %q: tcpdump -ddd: %w", expr, err)
	}
	return append(onlyIP(), program...), nil
}

// linkBytes are expressions that tcpdump, asked for IP alone, would silently apply to
// bytes of the IP header.
var linkBytes = regexp.MustCompile(`\b(ether|fddi|tr|wlan|ppp|slip|link|radio)\s*\[`)

// refused is the error for an expression that tcpdump does not take.
func refused(expr, said string) error {
	line := strings.TrimSpace(said)
	if i := strings.LastIndexByte(line, '\n'); i >= 0 {
		line = line[i+1:]
	}
	line = strings.TrimPrefix(line, "tcpdump: ")
	e := &FilterError{Expr: expr, Said: line}
	for _, about := range []string{"Raw IP", "link", "ethernet", "supported only on", "rejects all"} {
		e.Link = e.Link || strings.Contains(line, about)
	}
	return e
}

// parseFilter reads what tcpdump -ddd prints: how many instructions there are, then the
// four numbers of each on a line.
func parseFilter(text string) (Filter, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	n, err := strconv.Atoi(lines[0])
	if err != nil || n < 1 || n > maxFilterOps || n != len(lines)-1 {
		return nil, fmt.Errorf("%d lines are no program of %q instructions (1 to %d)", len(lines)-1, lines[0], maxFilterOps)
	}
	program := make(Filter, n)
	for i, line := range lines[1:] {
		if program[i], err = parseOp(line); err != nil {
			return nil, fmt.Errorf("instruction %d, %q: %w", i, line, err)
		}
	}
	return program, nil
}

func parseOp(line string) (op FilterOp, err error) {
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return op, fmt.Errorf("%d numbers, want 4", len(fields))
	}
	var n [4]uint64
	for i, bits := range [4]int{16, 8, 8, 32} {
		if n[i], err = strconv.ParseUint(fields[i], 10, bits); err != nil {
			return op, err
		}
	}
	return FilterOp{Code: uint16(n[0]), Jt: uint8(n[1]), Jf: uint8(n[2]), K: uint32(n[3])}, nil
}

// onlyIP is the beginning of a program: it drops packets of other protocols than IP,
// whose first bytes the rest would take for an IP header.
func onlyIP() Filter {
	const (
		protocol = 0xfffff000 // SKF_AD_OFF + SKF_AD_PROTOCOL: the packet's EtherType
		loadHalf = 0x28       // BPF_LD|BPF_H|BPF_ABS
		jumpIf   = 0x15       // BPF_JMP|BPF_JEQ|BPF_K
		ret      = 0x06       // BPF_RET|BPF_K
	)
	return Filter{
		{Code: loadHalf, K: protocol},
		{Code: jumpIf, K: 0x0800, Jt: 2},
		{Code: jumpIf, K: 0x86dd, Jt: 1},
		{Code: ret, K: 0},
	}
}

// limited takes so many bytes and lets go of the rest.
type limited struct {
	b    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	take := p[:min(len(p), l.left)]
	l.left -= len(take)
	l.b.Write(take)
	return len(p), nil
}
