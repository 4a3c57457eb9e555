// Command gvisor-helper makes the system calls of packetdrill scripts on gVisor's netstack
// as it comes, for lastack packetdrill, over lines of JSON on standard input and output
// (harness/experiment/packetdrill/PROTOCOL.md).
//
//	gvisor-helper FD ADDRESS MTU
package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// request is one line from lastack. Numbers of constants are Linux's.
type request struct {
	Call     string `json:"call"`
	FD       int    `json:"fd"`
	Type     int    `json:"type"`
	Addr     addr   `json:"addr"`
	Backlog  int    `json:"backlog"`
	Count    int    `json:"count"`
	Data     []byte `json:"data"` // of a write; zeros up to Count
	Flags    int    `json:"flags"`
	How      int    `json:"how"`
	Command  int    `json:"command"`
	Argument int    `json:"argument"`
	Level    int    `json:"level"`
	Option   int    `json:"option"`
	Value    struct {
		Int    int `json:"int"`
		Linger *struct {
			On      int `json:"on"`
			Seconds int `json:"seconds"`
		} `json:"linger"`
	} `json:"value"`
}

type addr struct {
	Family int        `json:"family"`
	IP     netip.Addr `json:"ip"`
	Port   uint16     `json:"port"`
}

// response is the answer to it.
type response struct {
	Return int      `json:"return"`
	Errno  string   `json:"errno,omitempty"`
	Data   []byte   `json:"data,omitempty"`
	Addr   *addr    `json:"addr,omitempty"`
	States []string `json:"states,omitempty"`
	Value  *value   `json:"value,omitempty"`
}

// value is an option's that is a number.
type value struct {
	Int int `json:"int"`
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "gvisor-helper:", err)
		os.Exit(1)
	}
}

func serve() error {
	if len(os.Args) != 4 {
		return fmt.Errorf("usage: gvisor-helper FD ADDRESS MTU")
	}
	h := &helper{sockets: map[int]*socket{}, next: 3}
	if err := h.start(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	if err := out.Encode(map[string]string{"ready": "gVisor's netstack"}); err != nil {
		return err
	}
	for in.More() {
		var r request
		if err := in.Decode(&r); err != nil {
			return err
		}
		if err := out.Encode(h.do(&r)); err != nil {
			return err
		}
	}
	return nil
}

func (h *helper) do(r *request) *response {
	switch r.Call {
	case "socket":
		return h.open(r)
	case "states":
		return h.states()
	}
	call, ok := calls[r.Call]
	s := h.sockets[r.FD]
	switch {
	case !ok:
		return &response{Return: -1, Errno: "ENOSYS"}
	case s == nil:
		return &response{Return: -1, Errno: "EBADF"}
	}
	return call(h, s, r)
}

// done is 0, or the error.
func done(err tcpip.Error) *response {
	if err == nil {
		return &response{}
	}
	return &response{Return: -1, Errno: errno(err)}
}
