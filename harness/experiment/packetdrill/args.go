package packetdrill

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"lastack/harness/experiment/packetdrill/script"
)

// args reads the arguments of a system call. The first that is not as expected is err, and
// what is read then is zero.
type args struct {
	r    *run
	call *script.Syscall
	err  error
}

func (a *args) fail(at script.Pos, format string, args ...any) {
	if a.err == nil {
		a.err = unsupported(at, "%s: %s", a.call.Name, fmt.Sprintf(format, args...))
	}
}

// count refuses a call with fewer arguments than it has.
func (a *args) count(n int) {
	if len(a.call.Args) < n {
		a.fail(a.call.Pos, "wants %d arguments, got %d", n, len(a.call.Args))
	}
}

// expr is an argument; a missing one is "...".
func (a *args) expr(i int) script.Expr {
	if i >= len(a.call.Args) {
		return &script.Ellipsis{}
	}
	return a.call.Args[i]
}

func isAny(e script.Expr) bool {
	_, ok := e.(*script.Ellipsis)
	return ok || e == nil
}

// int is a number; "..." is what the caller chooses.
func (a *args) int(i int, otherwise int64) int64 { return a.value(a.expr(i), otherwise) }

func (a *args) value(e script.Expr, otherwise int64) int64 {
	if isAny(e) {
		return otherwise
	}
	v, err := number(e)
	if err != nil {
		a.fail(e.Position(), "%v", err)
	}
	return v
}

// number is the value of an expression that is one.
func number(e script.Expr) (int64, error) {
	switch e := e.(type) {
	case *script.Int:
		return e.Value, nil
	case *script.Word:
		if !e.Known {
			return 0, fmt.Errorf("no constant %s on Linux", e.Name)
		}
		return e.Value, nil
	case *script.Or:
		var v int64
		for _, t := range e.Terms {
			n, err := number(t)
			if err != nil {
				return 0, err
			}
			v |= n
		}
		return v, nil
	case *script.Array:
		if len(e.Elements) == 1 {
			return number(e.Elements[0])
		}
	case *script.Assign:
		return number(e.Value)
	case *script.Call:
		return called(e)
	}
	return 0, fmt.Errorf("not a number")
}

func called(e *script.Call) (int64, error) {
	if len(e.Args) != 1 {
		return 0, fmt.Errorf("%s wants one argument", e.Name)
	}
	n, err := number(e.Args[0])
	if err != nil {
		return 0, err
	}
	switch e.Name {
	case "htons", "ntohs", "htonl", "ntohl": // a Call has numbers in host order
		return n, nil
	}
	return 0, fmt.Errorf("%s is not a number", e.Name)
}

// fd is the subject's descriptor; -1 for one that the script never got.
func (a *args) fd(i int) int { return a.descriptor(a.expr(i)) }

func (a *args) descriptor(e script.Expr) int {
	n := a.value(e, -1)
	if live, ok := a.r.fds[int(n)]; ok {
		return live
	}
	return -1
}

// scripted is the script's descriptor.
func (a *args) scripted(i int) int { return int(a.int(i, -1)) }

// text is a string argument; false if it is not one.
func (a *args) text(i int) (string, bool) {
	e := a.expr(i)
	if x, ok := e.(*script.Array); ok && len(x.Elements) == 1 {
		e = x.Elements[0]
	}
	s, ok := e.(*script.String)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// maxData is the longest that one call writes; a script may name any number.
const maxData = 64 << 20

// data are count bytes to be written: what the script gives, and zeros.
func (a *args) data(i int, count int64) []byte {
	if count < 0 || count > maxData {
		a.fail(a.call.Pos, "%d bytes; at most %d are written by one call", count, maxData)
		return nil
	}
	b := make([]byte, count)
	if s, ok := a.text(i); ok {
		copy(b, s)
	}
	return b
}

// addr is a socket address; "..." is what the caller chooses.
func (a *args) addr(e script.Expr, otherwise *Addr) *Addr {
	if isAny(e) {
		return otherwise
	}
	out := *otherwise
	if n, err := number(e); err == nil { // as packetdrill has it, an address of that family
		out.Family = int(n)
		return &out
	}
	s, ok := e.(*script.Struct)
	if !ok {
		a.fail(e.Position(), "want a socket address {sa_family=..., ...}")
		return nil
	}
	for _, f := range s.Fields {
		switch f.Name {
		case "sa_family", "sin_family", "sin6_family":
			out.Family = int(a.value(f.Value, int64(out.Family)))
		case "sin_port", "sin6_port":
			out.Port = uint16(a.value(f.Value, int64(out.Port)))
		case "sin_addr", "sin6_addr":
			out.IP = a.ip(f.Value, out.IP)
		}
	}
	return &out
}

// ip is inet_addr("...").
func (a *args) ip(e script.Expr, otherwise netip.Addr) netip.Addr {
	if c, ok := e.(*script.Call); ok && len(c.Args) == 1 {
		if s, ok := c.Args[0].(*script.String); ok {
			if ip, err := netip.ParseAddr(s.Value); err == nil {
				return ip
			}
		}
	}
	if n, err := number(e); err == nil && n == 0 { // INADDR_ANY
		if otherwise.Is4() {
			return netip.IPv4Unspecified()
		}
		return netip.IPv6Unspecified()
	}
	if !isAny(e) {
		a.fail(e.Position(), `want an address such as inet_addr("192.0.2.1")`)
	}
	return otherwise
}

// vector is the length of an array of struct iovec, and the data in it.
func (a *args) vector(e script.Expr) (total int64, data []byte) {
	x, ok := e.(*script.Array)
	if !ok {
		a.fail(e.Position(), "want an array of {..., LENGTH}")
		return 0, nil
	}
	for _, el := range x.Elements {
		s, ok := el.(*script.Struct)
		if !ok || len(s.Fields) < 2 {
			a.fail(el.Position(), "want {..., LENGTH}")
			return 0, nil
		}
		n := a.value(s.Fields[1].Value, 0)
		if n < 0 || total+n > maxData {
			a.fail(el.Position(), "more than %d bytes by one call", maxData)
			return 0, nil
		}
		part := make([]byte, n)
		if text, ok := s.Fields[0].Value.(*script.String); ok {
			copy(part, text.Value)
		}
		total, data = total+n, append(data, part...)
	}
	return total, data
}

// message is the iovec in a struct msghdr.
func (a *args) message(i int) (total int64, data []byte) {
	e := a.expr(i)
	s, ok := e.(*script.Struct)
	if !ok || s.Field("msg_iov") == nil {
		a.fail(a.call.Pos, "want a message {msg_name=..., msg_iov(1)=[...], ...}")
		return 0, nil
	}
	return a.vector(s.Field("msg_iov").Value)
}

// option is the value of a socket option.
func (a *args) option(e script.Expr) *OptValue {
	if x, ok := e.(*script.Array); ok && len(x.Elements) == 1 {
		e = x.Elements[0]
	}
	switch e := e.(type) {
	case *script.String:
		return &OptValue{Bytes: []byte(e.Value)}
	case *script.Struct:
		if on := e.Field("onoff"); on != nil {
			l := &Linger{On: int(a.value(on.Value, 0))}
			if t := e.Field("linger"); t != nil {
				l.Seconds = int(a.value(t.Value, 0))
			}
			return &OptValue{Linger: l}
		}
		if len(e.Fields) == 2 && e.Fields[0].Name == "" {
			return &OptValue{Linger: &Linger{On: int(a.value(e.Fields[0].Value, 0)), Seconds: int(a.value(e.Fields[1].Value, 0))}}
		}
		a.fail(e.Position(), "a struct that is no linger cannot be set")
		return nil
	}
	n := a.value(e, 0)
	return &OptValue{Int: &n, Bytes: binary.NativeEndian.AppendUint32(nil, uint32(n))}
}
