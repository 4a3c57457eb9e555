package middle

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"lastack/harness/lab/wire"
)

// The addresses; the picture is in the package comment. They never change, for who writes
// them into a configuration file.
var (
	clientAddr = netip.MustParsePrefix("10.78.1.1/24")
	nearAddr   = netip.MustParseAddr("10.78.1.2")
	farAddr    = netip.MustParseAddr("10.78.2.1")
	serverAddr = netip.MustParsePrefix("10.78.2.2/24")

	// ListenAt is where a proxy listens, and where clients connect to with NAT.
	ListenAt = netip.AddrPortFrom(nearAddr, 7001)
	// ServerAt is where the server listens.
	ServerAt = netip.AddrPortFrom(serverAddr.Addr(), 7002)
)

// Path is the path that the middle is part of.
func Path() wire.PathConfig {
	return wire.PathConfig{Client: clientAddr, Near: nearAddr, Far: farAddr, Server: serverAddr}
}

// places are what is replaced in a command's arguments.
func places() map[string]string {
	return map[string]string{
		"LISTEN_HOST": ListenAt.Addr().String(), "LISTEN_PORT": strconv.Itoa(int(ListenAt.Port())),
		"SERVER_HOST": ServerAt.Addr().String(), "SERVER_PORT": strconv.Itoa(int(ServerAt.Port())),
	}
}

// Validate finds what is wrong with a proxy's command: no program, or what looks like a
// place and is none, such as {LISTENPORT}.
func Validate(command []string) error {
	if len(command) == 0 || strings.TrimSpace(command[0]) == "" {
		return errors.New("the command's name is empty; begin it with a program")
	}
	for _, arg := range command {
		if err := validateArg(arg); err != nil {
			return err
		}
	}
	return nil
}

func validateArg(arg string) error {
	if strings.ContainsRune(arg, 0) {
		return fmt.Errorf("the argument %q of the command has a zero byte in it", arg)
	}
	for rest := arg; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			return nil
		}
		name, _, closed := strings.Cut(after, "}")
		if _, known := places()[name]; closed && !known && (strings.HasPrefix(name, "LISTEN") || strings.HasPrefix(name, "SERVER")) {
			return fmt.Errorf("there is no {%s}; there are {LISTEN_HOST}, {LISTEN_PORT}, {SERVER_HOST} and {SERVER_PORT}", name)
		}
		rest = after
	}
}

// Fill replaces the places in a command, and gives them as environment variables, too.
func Fill(command []string) (args, env []string) {
	var pairs []string
	for name, value := range places() {
		pairs = append(pairs, "{"+name+"}", value)
		env = append(env, name+"="+value)
	}
	r := strings.NewReplacer(pairs...)
	for _, arg := range command {
		args = append(args, r.Replace(arg))
	}
	slices.Sort(env)
	return args, env
}
