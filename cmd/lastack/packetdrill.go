package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/script"
	"lastack/harness/term"

	"github.com/spf13/cobra"
)

const packetdrillHelp = `packetdrill runs packetdrill scripts: what an application does with its sockets, which
packets arrive, and which packets TCP must send in answer, each at its time. The first
line that differs is shown, what it expects and what came, with a ladder of the
connection; -v shows the whole exchange. Below a directory it takes the files that end
in .pkt.

--subject says which TCP is under test. "lastack", in this process, lives on virtual
time: the clock stands still until the stack is at rest and jumps to the next timer
then, so that a minute of TIME_WAIT takes milliseconds, and times are exact. --tolerance
lets them be off, as scripts with --tolerance_usecs do. The others live by the machine's
clock, with packetdrill's tolerance of 4 ms or an eighth: "lastack-realtime"; "kernel",
that of a network namespace made for each script, behind a TUN; and a FILE.yaml, which
describes a program with a TCP stack of its own and a helper for the system calls
("lastack run --help-subject", harness/experiment/packetdrill/PROTOCOL.md). -w sets a
tunable of the subject beforehand. In real time a script that fails is tried up to three
times (--tries), as a busy machine makes things late; --jobs runs several scripts at a
time. The kernel and FILE.yaml need root, or user namespaces and a readable /dev/net/tun.

sysctl lines of scripts set the subject's tunables, and no others; those that it does not
have, and those of other systems, are passed over, which -v tells. Other shell commands
are refused unless --skip-shell passes over them, or --allow-shell runs them, with your
rights: in the kernel's namespace for that subject, else on this machine, whose own
sysctls a script's defaults.sh would set. The options of SYNs are every
stack's own: --any-syn-options does not compare them.

--known names a YAML file of scripts that are known to fail, each with why, and who
agrees; then exactly those must fail. A name may have folders, where two scripts share one
(time-wait/data-inside):

  - name: rcv-fin-time-wait-*
    why: a FIN without ACK is answered in TIME_WAIT
    agrees: Linux

--tap prints version 13 of the Test Anything Protocol, --junit writes what build servers
read.

--check parses the scripts, runs nothing, and prints one line for each that it cannot
read: file, line, column, and what is wrong there. Below a directory it reads the files
that end in .pkt. The language is that of google's packetdrill with FreeBSD's additions
for TCP, and with names for sequence numbers (rcv_nxt, snd_una+1000), which --strict
refuses; harness/experiment/packetdrill/README.md describes it.

  lastack packetdrill -v close.pkt
  lastack packetdrill --known known.yaml --tap suites/
  lastack packetdrill --subject kernel --jobs 4 suites/
  lastack packetdrill --check close.pkt suites/
  lastack packetdrill --check -D MSS=1460 --ip_version ipv6 psp/

Exit status: 0 if all scripts pass (--check: can be read), 1 if one does not, 2 if one
cannot be read, 3 if the machine does not have what the subject needs.`

// packetdrillFlags is what the command line says before it is understood.
type packetdrillFlags struct {
	check, json bool
	defines     []string
	script      script.Config
	run         packetdrillRun
}

func packetdrillCommand() *cobra.Command {
	var f packetdrillFlags
	c := &cobra.Command{
		Use:   "packetdrill FILE.pkt|DIR...",
		Short: "Run packetdrill scripts on lastack, the kernel, or any TCP stack",
		Long:  packetdrillHelp,
		Args:  cobra.MinimumNArgs(1),
	}
	l := c.Flags()
	l.BoolVar(&f.check, "check", false, "parse the scripts and run nothing")
	l.StringArrayVarP(&f.defines, "define", "D", nil, "replace a word in scripts: `NAME=VALUE`; may be repeated")
	l.StringVar(&f.script.IPVersion, "ip_version", "", "`VERSION` ipv4, ipv6 or ipv4-mapped-ipv6, whatever scripts say")
	l.BoolVar(&f.script.Strict, "strict", false, "refuse what the original packetdrill does not know")
	l.BoolVar(&f.json, "json", false, "print one JSON document")
	f.run.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.settle(); err != nil {
			return err
		}
		files, err := packetdrill.Files(args)
		if err != nil {
			return usage(err)
		}
		if !f.check {
			return runScripts(c.Context(), files, &f)
		}
		return checkScripts(c.Context(), files, &f)
	}
	return c
}

// settle understands the flags.
func (f *packetdrillFlags) settle() error {
	versions := []string{"", "ipv4", "ipv6", "ipv4-mapped-ipv6"}
	if !slices.Contains(versions, f.script.IPVersion) {
		return usagef("--ip_version %q is not ipv4, ipv6 or ipv4-mapped-ipv6", f.script.IPVersion)
	}
	f.script.Defines = map[string]string{}
	for _, d := range f.defines {
		name, value, ok := strings.Cut(d, "=")
		if !ok || name == "" {
			return usagef("-D %s: give it as NAME=VALUE", d)
		}
		f.script.Defines[name] = value
	}
	return nil
}

// checkedScript is a script in the document of --json.
type checkedScript struct {
	File    string `json:"file"`
	Verdict string `json:"verdict"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Why     string `json:"why,omitempty"`
}

// checkScripts parses all files and says which it cannot read.
func checkScripts(ctx context.Context, files []string, f *packetdrillFlags) error {
	doc := scriptsDocument[checkedScript]{Scripts: []checkedScript{}}
	bad, said := 0, time.Now()
	for i, file := range files {
		if time.Since(said) > 2*time.Second {
			said = time.Now()
			fmt.Fprintf(os.Stderr, "%d of %d scripts read\n", i, len(files))
		}
		checked := checkedScript{File: file, Verdict: "pass"}
		_, err := packetdrill.Load(ctx, file, f.script)
		if ctx.Err() != nil {
			doc.Interrupted = true
			var shown any
			if f.json {
				shown = doc
			}
			return interrupted(ctx, os.Stdout, ctx.Err(), fmt.Sprintf("%d of %d scripts read", i, len(files)), shown)
		}
		if err != nil {
			bad++
			checked.Verdict, checked.Why = "error", err.Error()
			var wrong *script.Error
			if errors.As(err, &wrong) {
				checked.Line, checked.Column, checked.Why = wrong.Pos.Line, wrong.Pos.Column, wrong.Text
			}
			if !f.json {
				fmt.Fprintln(os.Stderr, term.Escape(err.Error()))
			}
		}
		doc.Scripts = append(doc.Scripts, checked)
	}
	if err := printChecked(doc, len(files), bad, f.json); err != nil {
		return err
	}
	if bad > 0 {
		return &exitError{code: exitUsage}
	}
	return nil
}

func printChecked(doc any, all, bad int, json bool) error {
	if json {
		return writeJSON(os.Stdout, doc)
	}
	noun := "scripts"
	if all == 1 {
		noun = "script"
	}
	_, err := fmt.Printf("%d %s read, %d with a mistake\n", all, noun, bad)
	return err
}
