package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"lastack/harness/app"
	"lastack/harness/host/serve"
	"lastack/harness/lab/privilege"
	"lastack/tun"

	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	var cfg serve.Config
	var kernel, hosts, apps []string
	var page string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Bring up the TUN and the host, run the apps, show closes as they happen",
		Long: `serve opens a TUN in the network namespace it is started in, runs a userspace
TCP host with a few servers behind it, and prints a line for each connection as
it closes. Talk to it with curl, nc or anything else; watch it with tcpdump.

It needs CAP_NET_ADMIN to open the TUN. Before it reads anything from the network
it gives up every capability, and root becomes the user that called sudo, or
nobody. Ctrl-C ends it with a summary; the TUN goes with it, unless it was there
before.

The file of --pcapng keeps its content until the host is up, and is locked. A full
disk ends the recording with a warning, and the exit status is 1 at the end.

--web serves a page for a browser, at 127.0.0.1:8077 or another address, and prints its
URL, of which the token is part: connections, ladders and states as they change,
tunables, rules, and clients to start. The page is for who has the token, and in the
clear: give no address but a loopback one where others can listen.

With --offload the kernel and the host hand each other up to 64 KiB of data as
one segment, and neither computes its checksum: several times faster where much
is sent. It is off by default, because a capture then does not show segments as a
wire has them: they are larger than the MTU, and tcpdump -v finds their checksums
incorrect. How connections close is the same.

Go's runtime uses half of the processors, at least one: all packets come through
one queue, and handing them from one processor to another costs more than it gains.
Its heap may grow fivefold between garbage collections (GOGC=400), as most of it is
short-lived. GOMAXPROCS and GOGC in the environment overrule that.

Rules (--impair RULE) are lines such as

  drop the 1st pure ACK of a FIN from host
  delay segments with FIN from peer by 30 ms
  duplicate every 3rd SYN+ACK from host on port 80
  drop 5% of all segments from either

with drop, delay, duplicate, reorder or corrupt; SYN, SYN+ACK, FIN, RST, data,
pure ACK or ACK of a FIN; and from host, peer or either. They count in each
connection, or "of all".

Apps (--app PORT=KIND[,KEY=VALUE]...):
` + appHelp(),
		Args: cobra.ArbitraryArgs, // one may be the address of --web
	}
	f := c.Flags()
	f.StringVar(&cfg.TUN, "tun", "lastack0", "name of the TUN interface")
	f.IntVar(&cfg.MTU, "mtu", 0, "MTU of the TUN in bytes (default 1500)")
	f.BoolVar(&cfg.Offload, "offload", false, "carry large segments and unfinished checksums, for bulk")
	f.StringArrayVar(&kernel, "kernel-addr", nil, "kernel's address on the TUN, as CIDR; once for each family\n(default 10.77.0.1/24 and fd77::1/64)")
	f.StringArrayVar(&hosts, "host-addr", nil, "host's address; once for each family (default: the one after the kernel's)")
	f.StringArrayVarP(&cfg.Settings, "set", "w", nil, "set a tunable: NAME=VALUE; repeatable")
	f.StringArrayVar(&cfg.Impairments, "impair", nil, "make the wire bad by a `rule`; repeatable, the first that picks a segment acts")
	f.Uint64Var(&cfg.Seed, "seed", 0, "seed of random impairments")
	f.StringArrayVar(&apps, "app", nil, "serve PORT=KIND[,KEY=VALUE]...; repeatable (default: the list above)")
	f.StringVar(&cfg.Pcapng, "pcapng", "", "record the wire, as the host sees it, in this `file`")
	f.StringVar(&cfg.Control, "control", defaultSocket(), "open the control API on this unix `socket`; none if it is empty")
	webFlag(c, &page)
	f.StringVar(&cfg.Metrics, "metrics", "", "serve metrics to Prometheus at this `ADDR` of the kernel, such as :9817")
	f.BoolVarP(&cfg.Verbose, "verbose", "v", false, "draw the ladder of each close")
	f.BoolVar(&cfg.JSON, "json", false, "print each close as a line of JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		args, err := webAddr(c, &page, args)
		if err == nil && len(args) > 0 {
			err = usagef("%s: serve takes no argument but an address and a port after --web, such as %s", args[0], defaultPage)
		}
		if err != nil {
			return err
		}
		if cfg.KernelAddrs, err = parseEach(kernel, "--kernel-addr", parsePrefix); err != nil {
			return err
		}
		if cfg.HostAddrs, err = parseEach(hosts, "--host-addr", parseAddr); err != nil {
			return err
		}
		if cfg.Apps, err = parseEach(apps, "--app", app.ParseSpec); err != nil {
			return err
		}
		if err := checkListen("--metrics", cfg.Metrics); f.Changed("metrics") && err != nil {
			return err
		}
		cfg.Out, cfg.Log, cfg.Color, cfg.Columns = c.OutOrStdout(), os.Stderr, colored(os.Stdout), columns(os.Stdout)
		if !f.Changed("control") {
			cfg.Control = freeSocket(c.Context(), cfg.Control)
		}
		if page != "" {
			if cfg.Web, err = listenWeb(c.Context(), page); err != nil {
				return err
			}
			defer cfg.Web.Listener.Close()
		}
		user := privilege.Ordinary(os.Getenv)
		if err := makeSocketFolder(cfg.Control, user); err != nil {
			return err
		}
		cfg.Confine = func(dev tun.Device) error { return dropForServe(dev, user) }
		serve.TuneRuntime()
		err = serve.Run(c.Context(), cfg)
		if errors.Is(err, serve.ErrConfig) {
			return usage(err)
		}
		return badPath(err, cfg.Pcapng, cfg.Control)
	}
	return c
}

// appHelp lists the kinds of app with their options, and the default ones.
func appHelp() string {
	var b strings.Builder
	for _, k := range app.Kinds() {
		fmt.Fprintf(&b, "  %-13s %s\n", k.Name, k.Doc)
		for _, o := range k.Options {
			fmt.Fprintf(&b, "  %-13s   %s=%s: %s\n", "", o.Name, o.Default, o.Doc)
		}
	}
	b.WriteString("\nDefault apps:")
	for i, s := range app.Defaults() {
		if i%3 == 0 {
			b.WriteString("\n ")
		}
		fmt.Fprintf(&b, " %-25s", s)
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// dropForServe becomes the user, and gives up every capability but what giving a borrowed
// interface back takes.
func dropForServe(dev tun.Device, user *privilege.User) error {
	if d, ok := dev.(*tun.KernelDevice); ok && d.Persistent() {
		return dropPrivileges("serve", user, privilege.NetAdmin)
	}
	return dropPrivileges("serve", user)
}

// dropPrivileges becomes the user (nil: stays the same), and gives up every other capability
// for good. Where root stays root it says so.
func dropPrivileges(command string, user *privilege.User, keep ...privilege.Capability) error {
	r, err := privilege.Drop(user, keep...)
	if err == nil && r.StaysRoot != "" {
		fmt.Fprintf(os.Stderr, "lastack: warning: %s stays root, without capabilities, and can use root's files: %s\n", command, r.StaysRoot)
	}
	return err
}
