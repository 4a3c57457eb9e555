package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"lastack/harness/app"
	"lastack/harness/host/serve"
	"lastack/harness/lab"
	labshell "lastack/harness/lab/shell"
	"lastack/tun"

	"github.com/spf13/cobra"
)

// labDirEnv is the lab's folder, which the process outside makes and removes.
const labDirEnv = "LASTACK_LAB_DIR"

// labFlags is what the command line says.
type labFlags struct {
	serve serve.Config
	apps  []string
	json  bool
	page  string
}

func labCommand() *cobra.Command {
	var f labFlags
	c := &cobra.Command{
		Use:   "lab [-- COMMAND [ARG...]]",
		Short: "A shell beside a running host: curl, nc, tcpdump and ss against it",
		Long: `lab makes a network namespace, runs lastack's host in it as "lastack serve" does,
and starts a shell there, in which curl, nc, tcpdump and ss are the kernel's clients
of that host; "lab" prints its address, its servers and five things to try, "lab
closes" the ladders of the latest connections. With a COMMAND it runs that in place
of a shell. lastack ss, sysctl and monitor find the host by themselves.

The end of the shell is the end of all of it: host, namespace, and every process that
was started there. Files are not kept apart: the lab sees and changes the same ones.

It needs root, or user namespaces and a readable /dev/net/tun. Exit status: that of
COMMAND, 0 after a shell, 2 for bad usage, 3 if the machine does not have something
("lastack doctor" says more).

--web serves a page for a browser, outside the lab, at 127.0.0.1:8077 or another address,
and prints its URL, of which the token is part: connections, ladders and states as
they change, tunables, rules, clients to start, and experiments and claims of which to
predict the answer. It is for who has the token, and in the clear: give no address but a
loopback one where others can listen. Where standard input is no terminal, the lab of
--web has no shell, and Ctrl-C ends it.

--json runs a COMMAND and prints one document: its exit status, and how each
connection closed. What COMMAND prints goes to standard error then.`,
		Example: `  lastack lab
  lastack lab -- curl -s http://10.77.0.2/
  lastack lab --json -w lastack.delayed_ack=0 -- nc -N 10.77.0.2 7`,
		Args: cobra.ArbitraryArgs,
	}
	l := c.Flags()
	l.SetInterspersed(false)
	l.StringArrayVarP(&f.serve.Settings, "set", "w", nil, "set a tunable: NAME=VALUE; repeatable")
	l.StringArrayVar(&f.serve.Impairments, "impair", nil, "make the wire bad by a `rule`; repeatable, the first that picks a segment acts")
	l.Uint64Var(&f.serve.Seed, "seed", 0, "seed of random impairments")
	l.StringArrayVar(&f.apps, "app", nil, "serve PORT=KIND[,KEY=VALUE]...; repeatable (default: as lastack serve)")
	l.StringVar(&f.serve.Pcapng, "pcapng", "", "record the wire, as the host sees it, in this `file`")
	l.BoolVar(&f.json, "json", false, "run a COMMAND, and print one JSON document about the closes")
	webFlag(c, &f.page)
	c.RunE = func(c *cobra.Command, args []string) error {
		args, err := webAddr(c, &f.page, args)
		if err != nil {
			return err
		}
		if f.serve.Apps, err = parseEach(f.apps, "--app", app.ParseSpec); err != nil {
			return err
		}
		if f.json && len(args) == 0 {
			return usagef("--json needs a command: lastack lab --json -- COMMAND")
		}
		if len(args) == 0 && f.page == "" && !lab.Terminal(os.Stdin) {
			return usagef("a shell needs a terminal, and standard input is none; run a command with: lastack lab -- COMMAND")
		}
		if err := f.serve.Validate(); err != nil {
			return usage(err) // outside the lab, too, so that mistakes need none
		}
		if lab.Inside() {
			return inLab(c.Context(), func(ctx context.Context) error { return runLab(ctx, c.OutOrStdout(), &f, args) })
		}
		return enterLab(c.Context(), f.page)
	}
	return c
}

// enterLab starts the program again inside a lab that has the terminal and a folder, and
// passes the exit status on. The page's listener is of the network outside.
func enterLab(ctx context.Context, page string) error {
	var files []*os.File
	if page != "" {
		f, err := listenForLab(ctx, page)
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	dir, err := os.MkdirTemp("", "lastack-lab-")
	if err != nil {
		return fmt.Errorf("make a folder for the lab: %w", err)
	}
	defer os.RemoveAll(dir) // of its own files alone: nothing of use is in it
	takeBack := lab.KeepTerminal()
	code, err := lab.Reexec(ctx, lab.Options{Env: []string{labDirEnv + "=" + dir}, Files: files})
	takeBack()
	return ofChild(code, err)
}

// runLab runs the host and the shell, until either ends.
func runLab(ctx context.Context, out io.Writer, f *labFlags, command []string) (err error) {
	dir := os.Getenv(labDirEnv)
	closes, err := labshell.NewCloses(dir)
	if err != nil {
		return fmt.Errorf("make the lab's file of closes: %w", err)
	}
	defer func() { err = errors.Join(err, closes.Close()) }()
	lines := &bounded{}
	f.serve.Out = closes
	if f.json {
		f.serve.Out = lines
	}
	if err := f.complete(dir); err != nil {
		return err
	}
	asked, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	served, err := serveLab(asked, stop, &f.serve)
	if err != nil {
		return err
	}
	if f.page != "" && (len(command) > 0 || !lab.Terminal(os.Stdin)) { // a shell begins with the help, which has it
		fmt.Fprintf(os.Stderr, "page: %s\n", f.serve.Web.URL())
	}
	status, err := labWork(asked, f, dir, command)
	stop(nil)
	if hostErr := <-served; hostErr != nil {
		err = sortServe(hostErr)
	}
	if f.json {
		doc := labDocument{command, status, lines.cut, lines.closes(), false}
		if err == nil {
			err = writeJSON(out, doc)
		} else {
			doc.Status, doc.Interrupted = exitInterrupted, true
			err = interrupted(ctx, out, err, "", doc)
		}
	}
	if err == nil && status != exitOK && len(command) > 0 {
		err = &exitError{code: status}
	}
	return err
}

// complete says what every lab's host has.
func (f *labFlags) complete(dir string) (err error) {
	cfg := &f.serve
	cfg.TUN, cfg.Control = "lastack0", filepath.Join(dir, socketName)
	cfg.Log, cfg.Verbose, cfg.Quiet, cfg.JSON = os.Stderr, true, true, f.json
	if f.page != "" {
		cfg.Web, err = inheritWeb(f.page)
	}
	return err
}

// serveLab starts the host, and returns when it is up. Its end ends the lab, by stop, and is sent
// to the channel.
func serveLab(ctx context.Context, stop context.CancelCauseFunc, cfg *serve.Config) (<-chan error, error) {
	ready := make(chan struct{})
	cfg.Ready = func(tun.Device) error { close(ready); return nil }
	serve.TuneRuntime()
	if os.Getenv("GOGC") == "" {
		// A lab shares a laptop with a browser: half the memory, at 500 connections a second for
		// no more processor time.
		debug.SetGCPercent(100)
	}
	served := make(chan error, 1)
	go func() {
		err := serve.Run(ctx, *cfg)
		stop(err) // the shell is of no use without the host
		served <- err
	}()
	select {
	case err := <-served:
		return nil, sortServe(err)
	case <-ready:
		return served, nil
	}
}

// labWork is what the lab is for: a command, a shell, or, without a terminal, the page alone.
func labWork(ctx context.Context, f *labFlags, dir string, command []string) (status int, err error) {
	if len(command) == 0 && !lab.Terminal(os.Stdin) {
		<-ctx.Done()
		return 0, nil
	}
	status, err = labshell.Run(ctx, labShell(f, dir, command))
	if len(command) > 0 {
		settle(ctx, f.serve.Control)
	}
	return status, err
}

// labShell is the shell's Config.
func labShell(f *labFlags, dir string, command []string) labshell.Config {
	cfg := labshell.Config{
		Dir: dir, Command: command, Help: labHelp(&f.serve), Env: []string{socketEnv + "=" + f.serve.Control},
	}
	if f.json {
		cfg.Stdout = os.Stderr
	}
	if f.serve.Web != nil {
		cfg.Help += "page: " + f.serve.Web.URL() + "\n"
	}
	if len(command) == 0 {
		fmt.Fprint(os.Stderr, cfg.Help)
	}
	return cfg
}

// sortServe makes what serve.Run ended with the command's error.
func sortServe(err error) error {
	if errors.Is(err, serve.ErrConfig) {
		return usage(err)
	}
	return err
}

// labDocument is what --json prints.
type labDocument struct {
	Command []string `json:"command"`
	Status  int      `json:"status"`
	// Cut: there were more connections than the document has.
	Cut    bool              `json:"cut,omitempty"`
	Closes []json.RawMessage `json:"connections"`
	// Interrupted: the lab ended, by Ctrl-C or SIGTERM, before the command did.
	Interrupted bool `json:"interrupted,omitempty"`
}
