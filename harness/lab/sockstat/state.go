package sockstat

import (
	"fmt"
	"slices"
	"strings"

	"lastack/stack/flow"
)

// states are the names of RFC 9293 with underscores, in the kernel's order
// (include/net/tcp_states.h, from 1), which is ss's too.
var states = names(flow.Established, flow.SynSent, flow.SynReceived, flow.FinWait1, flow.FinWait2, flow.TimeWait,
	flow.Closed, flow.CloseWait, flow.LastAck, flow.Listen, flow.Closing)

func names(all ...flow.State) (names []string) {
	for _, s := range all {
		names = append(names, s.String())
	}
	return names
}

// ssNames is how ss prints them, where that is not the RFC's with hyphens.
var ssNames = map[string]string{
	"ESTABLISHED": "ESTAB", "SYN_RECEIVED": "SYN-RECV", "CLOSED": "UNCONN",
}

// aliases are spellings that neither the RFC nor ss's output has: netstat's, and
// those of ss's own filters. Case, hyphens, underscores and blanks do not count.
var aliases = map[string]string{
	"synreceived": "SYN_RECEIVED", "listening": "LISTEN", "unconnected": "CLOSED", "close": "CLOSED",
}

// groups are ss's names for several states.
var groups = map[string]func(state string) bool{
	"all":          func(string) bool { return true },
	"connected":    connected,
	"synchronized": func(s string) bool { return connected(s) && s != "SYN_SENT" },
	"bucket":       bucket,
	"big":          func(s string) bool { return !bucket(s) },
}

func connected(s string) bool { return s != "LISTEN" && s != "CLOSED" }

// bucket is what the kernel keeps as a minisocket.
func bucket(s string) bool { return s == "TIME_WAIT" || s == "SYN_RECEIVED" }

// States lists the names in the kernel's order, in which they are shown.
func States() []string { return slices.Clone(states) }

// SSName is a state as ss prints it: "TIME-WAIT", "ESTAB".
func SSName(state string) string {
	if name, ok := ssNames[state]; ok {
		return name
	}
	return strings.ReplaceAll(state, "_", "-")
}

// ParseState reads one state however it is spelled: as ss prints it or takes it
// ("time-wait", "ESTAB"), as netstat does ("TIME_WAIT", "SYN_RECV",
// "FIN_WAIT1") or as the RFC does ("SYN-RECEIVED").
func ParseState(s string) (string, error) {
	key := squeeze(s)
	if state, ok := aliases[key]; ok {
		return state, nil
	}
	for _, state := range states {
		if key == squeeze(state) || key == squeeze(SSName(state)) {
			return state, nil
		}
	}
	return "", fmt.Errorf("%q is no TCP state; the states are %s", s, strings.ToLower(strings.Join(ssAll(), ", ")))
}

// ParseStates reads a state or a group of them, such as "connected".
func ParseStates(s string) ([]string, error) {
	if in, ok := groups[squeeze(s)]; ok {
		return slices.DeleteFunc(States(), func(state string) bool { return !in(state) }), nil
	}
	state, err := ParseState(s)
	if err != nil {
		return nil, fmt.Errorf("%w; and all, connected, synchronized, bucket, big", err)
	}
	return []string{state}, nil
}

func squeeze(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

func ssAll() []string {
	var names []string
	for _, s := range states {
		names = append(names, SSName(s))
	}
	return names
}
