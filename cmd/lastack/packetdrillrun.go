package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/harness/experiment/packetdrill/suite"
	"lastack/harness/host/setting"
	"lastack/harness/term"
	"lastack/harness/term/outfile"
	"lastack/stack/tunable"

	"github.com/spf13/cobra"
)

// packetdrillRun are the flags that only count when scripts are run.
type packetdrillRun struct {
	verbose, tap          bool
	subject               string
	jobs, tries, mtu      int
	allowShell, skipShell bool
	anySYN                bool
	known, pcapng, junit  string
	local, remote         []string
	settings              []string
	tolerance, timeout    time.Duration
}

func (r *packetdrillRun) flags(c *cobra.Command) {
	l := c.Flags()
	l.BoolVarP(&r.verbose, "verbose", "v", false, "show the whole exchange of each script, and its ladder")
	l.BoolVar(&r.tap, "tap", false, "print the results in the Test Anything Protocol")
	l.StringVar(&r.junit, "junit", "", "write the results to `FILE` in JUnit's XML")
	l.StringVar(&r.subject, "subject", subjectLastack, "what is examined: lastack, lastack-realtime, kernel, or a `FILE`.yaml that describes a stack")
	l.StringArrayVar(&r.local, "local_ip", nil, "the subject's `ADDRESS`, IPv4 or IPv6, where the script does not say; may be repeated")
	l.StringArrayVar(&r.remote, "remote_ip", nil, "the script's `ADDRESS`, likewise")
	l.IntVar(&r.mtu, "mtu", packetdrill.DefaultAddresses().MTU, "of the subject's link, in bytes, where the script does not say")
	l.IntVar(&r.tries, "tries", 3, "try a script that fails so often, in real time")
	l.IntVar(&r.jobs, "jobs", 1, "run so many scripts at a time")
	l.BoolVar(&r.allowShell, "allow-shell", false, "run the shell commands of scripts, with your rights")
	l.BoolVar(&r.skipShell, "skip-shell", false, "pass over the shell commands of scripts")
	l.BoolVar(&r.anySYN, "any-syn-options", false, "do not compare the TCP options of SYNs")
	l.StringVar(&r.known, "known", "", "the scripts in `FILE` are known to fail, and must")
	l.StringVar(&r.pcapng, "pcapng", "", "write all packets to `FILE`")
	l.StringArrayVarP(&r.settings, "set", "w", nil, "set a tunable of the subject, `NAME=VALUE`; repeatable")
	l.DurationVar(&r.tolerance, "tolerance", 0, "how far times may be off where the script does not say (0: not at all; in real time 4ms)")
	l.DurationVar(&r.timeout, "timeout", 2*time.Minute, "how long a script may take in real time")
}

// validate names the flags that exclude each other.
func (f *packetdrillFlags) validate() error {
	r := &f.run
	switch {
	case f.json && r.tap:
		return usagef("--json and --tap both print to standard output; give one of them")
	case filepath.Ext(r.junit) == ".pkt":
		return usagef("--junit %s: it writes a file, and that would be a script; name another file for it", r.junit)
	case r.allowShell && r.skipShell:
		return usagef("--allow-shell runs shell commands and --skip-shell passes over them; give one")
	case r.tolerance < 0:
		return usagef("--tolerance %v is negative", r.tolerance)
	case r.jobs < 1 || r.jobs > mostJobs:
		return usagef("--jobs %d: want 1 to %d", r.jobs, mostJobs)
	case r.tries < 1 || r.tries > mostTries:
		return usagef("--tries %d: want 1 to %d", r.tries, mostTries)
	case r.mtu < packetdrill.MinMTU || r.mtu > packetdrill.MaxMTU:
		return usagef("--mtu %d: want %d to %d", r.mtu, packetdrill.MinMTU, packetdrill.MaxMTU)
	case r.timeout <= 0:
		return usagef("--timeout %v: a script needs some time", r.timeout)
	}
	return nil
}

// mostJobs is how many scripts may run at a time: in real time each needs a processor now
// and then.
const mostJobs = 64

// mostTries is how often a script may be tried.
const mostTries = 100

// runScripts runs all scripts and says what came of them, in a lab if the subject needs
// one. What is wrong with the command line shows without.
func runScripts(ctx context.Context, files []string, f *packetdrillFlags) error {
	cfg, err := f.suite()
	switch {
	case err != nil:
		return err
	case f.run.inProcess():
		return runSuite(ctx, files, f, cfg)
	}
	return inLab(ctx, func(ctx context.Context) error {
		raisePriority()
		return runSuite(ctx, files, f, cfg)
	})
}

func runSuite(ctx context.Context, files []string, f *packetdrillFlags, cfg *suite.Config) error {
	var err error
	var capture *outfile.File
	if f.run.pcapng != "" {
		if capture, err = outfile.Open(f.run.pcapng); err != nil {
			return err
		}
		defer capture.Close()
	}
	text := &suite.Text{Color: colored(os.Stdout), Verbose: f.run.verbose, Width: scriptsWidth()}
	quiet := f.json || f.run.tap
	course := &scriptsCourse{files: files, start: time.Now()}
	p := newProgress()
	out := p.above(os.Stdout)
	stopProgress := p.follow(course.String)
	var unwritten error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cfg.Done = func(r *suite.Result) {
		course.done()
		if !quiet {
			if unwritten = text.Write(out, r); unwritten != nil {
				stop()
			}
		}
		if capture == nil {
			r.Outcome = nil // nobody needs its packets any more
		}
	}
	results, err := suite.Run(ctx, files, *cfg)
	stopProgress()
	if unwritten != nil {
		return unwritten
	}
	if err != nil {
		unwritten := f.writeJUnit(suite.WithUnrun(files, results, unrun(ctx, err)))
		err = interrupted(ctx, os.Stdout, err, fmt.Sprintf("%d of %d scripts done", len(results), len(files)), f.cut(results))
		return errors.Join(err, unwritten)
	}
	if err := f.report(results, cfg.Known, time.Since(course.start)); err != nil {
		return err
	}
	if err := f.writeJUnit(results); err != nil {
		return err
	}
	if capture != nil {
		if err := errors.Join(suite.WritePcapng(capture, results), capture.Close()); err != nil {
			return fmt.Errorf("writing %s: %w", f.run.pcapng, err)
		}
	}
	return scriptsVerdict(results)
}

// writeJUnit writes the file that is asked for.
func (f *packetdrillFlags) writeJUnit(results []*suite.Result) error {
	if f.run.junit == "" {
		return nil
	}
	return writeWhole(f.run.junit, func(w io.Writer) error { return suite.WriteJUnit(w, results) })
}

// scriptsWidth is that of a terminal. A file keeps an explanation on one line.
func scriptsWidth() int {
	if !terminal(os.Stdout) {
		return 0
	}
	return columns(os.Stdout)
}

// suite is the configuration that the flags ask for.
func (f *packetdrillFlags) suite() (*suite.Config, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	r := &f.run
	if err := writable(r.junit); err != nil {
		return nil, usage(err)
	}
	cfg := &suite.Config{Parse: f.script, Timeout: r.timeout, Jobs: r.jobs, Run: packetdrill.Config{
		Tolerance: r.tolerance, IPVersion: f.script.IPVersion, SkipShell: r.skipShell, AnySYN: r.anySYN,
	}}
	var err error
	if cfg.Run.Addresses, err = r.addresses(); err != nil {
		return nil, err
	}
	if r.subject != subjectLastack {
		cfg.Tries = r.tries
	}
	if r.allowShell {
		cfg.Run.Shell = packetdrill.Shell
	}
	if r.known != "" {
		known, err := suite.LoadKnown(r.known)
		if err != nil {
			return nil, usagef("--known: %w", err)
		}
		cfg.Known = known
	}
	settings, err := parseEach(r.settings, "-w", tunable.ParseSetting)
	if err != nil {
		return nil, err
	}
	if cfg.Subject, err = r.maker(settings); err != nil {
		return nil, err
	}
	return cfg, nil
}

// Subjects that are built in.
const (
	subjectLastack  = "lastack"
	subjectRealTime = "lastack-realtime"
	subjectKernel   = "kernel"
)

// addresses are those of the link.
func (r *packetdrillRun) addresses() (packetdrill.Addresses, error) {
	a := packetdrill.DefaultAddresses()
	a.MTU = r.mtu
	for name, list := range map[string][]string{"local_ip": r.local, "remote_ip": r.remote} {
		for _, ip := range list {
			if err := a.Set(name, ip); err != nil {
				return a, usage(err)
			}
		}
	}
	return a, nil
}

// inProcess reports whether the subject needs no lab.
func (r *packetdrillRun) inProcess() bool {
	return r.subject == subjectLastack || r.subject == subjectRealTime
}

// maker is what makes a subject for each script.
func (r *packetdrillRun) maker(settings []tunable.Setting) (func(context.Context, packetdrill.Addresses) (packetdrill.Subject, error), error) {
	if !r.inProcess() {
		return outsideSubject(r.subject, settings)
	}
	if err := tunable.NewSet().SetAll(settings); err != nil {
		return nil, usagef("-w: %w", setting.Suggest(err))
	}
	return func(_ context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
		set := tunable.NewSet()
		if err := set.SetAll(settings); err != nil {
			return nil, err
		}
		return inprocess.New(inprocess.Config{Addresses: a, Virtual: r.subject == subjectLastack, Tunables: set})
	}, nil
}

// scriptsDocument is what --json prints. Interrupted: Ctrl-C ended the work, and the rest of
// the scripts is missing.
type scriptsDocument[T any] struct {
	Scripts     []T  `json:"scripts"`
	Interrupted bool `json:"interrupted,omitempty"`
}

// cut is the document about scripts that were interrupted, if one is asked for.
func (f *packetdrillFlags) cut(results []*suite.Result) any {
	if !f.json {
		return nil
	}
	return scriptsDocument[*suite.Result]{append([]*suite.Result{}, results...), true}
}

// report writes what is written at the end.
func (f *packetdrillFlags) report(results []*suite.Result, known *suite.Known, took time.Duration) error {
	switch {
	case f.json:
		return writeJSON(os.Stdout, scriptsDocument[*suite.Result]{Scripts: append([]*suite.Result{}, results...)})
	case f.run.tap:
		return suite.WriteTAP(os.Stdout, results)
	}
	if n := len(known.Unused()); n > 0 {
		fmt.Fprintf(os.Stderr, "%d of the differences in %s are of scripts that were not run\n", n, term.Quote(f.run.known))
	}
	_, err := fmt.Println(suite.Summary(results, took))
	return err
}

// scriptsVerdict is the exit status.
func scriptsVerdict(results []*suite.Result) error {
	code := exitOK
	for _, r := range results {
		switch {
		case r.Unread:
			return &exitError{code: exitUsage}
		case !r.OK():
			code = exitFailed
		}
	}
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}
