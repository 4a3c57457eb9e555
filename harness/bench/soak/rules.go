package soak

import (
	"context"
	"fmt"
	"strings"

	"lastack/harness/lab"
)

// loss is what the clients' namespace loses, in percent: of what comes from the
// host on its way in, and of what the clients send on its way out. netfilter draws
// at random without a seed.
type loss struct{ in, out int }

// ruleset is the loss in nft's words. An outgoing packet is lost in postrouting, behind
// the socket: a "drop" in output would be reported to the sender, which would know at
// once.
func (l loss) ruleset() string {
	var b strings.Builder
	b.WriteString("table ip soak\ndelete table ip soak\ntable ip soak {\n")
	for _, c := range []struct {
		hook, iface string
		percent     int
	}{{"prerouting", "iifname", l.in}, {"postrouting", "oifname", l.out}} {
		if c.percent == 0 {
			continue
		}
		which := fmt.Sprintf("numgen random mod 100 < %d", c.percent)
		if c.percent >= 100 {
			which = "" // nft refuses a bound that is always met
		}
		fmt.Fprintf(&b, "chain %s { type filter hook %s priority 0; %s %q ip protocol tcp %s counter drop; }\n",
			c.hook, c.hook, c.iface, linkName, which)
	}
	b.WriteString("}\n")
	return b.String()
}

// apply replaces the loss that is in force in the current namespace.
func (l loss) apply(ctx context.Context) error {
	cmd := lab.Command(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(l.ruleset())
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &lab.MissingError{
		What: "nft cannot lose packets here: " + strings.TrimSpace(string(out)),
		Mend: "sudo apt-get install nftables; sudo modprobe nf_tables",
		Err:  err,
	}
}
