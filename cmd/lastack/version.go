package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// build is what the Go tool wrote into the program about itself.
type build struct {
	// Version is the module's: a tag, or one made of the commit's date and hash; "(devel)"
	// where it was built without a repository.
	Version string `json:"version"`
	// Revision and Time are the commit's, and empty without a repository.
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	// Modified: there were changes that are in no commit.
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	// GVisor is the version of the module whose netstack this is; empty where explain and
	// diff are all there is.
	GVisor string `json:"gvisor,omitempty"`
}

func versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Which lastack this is: version, commit, Go and gVisor",
		Long: `version says which lastack this is, by what the Go tool wrote into the program: the
version, the commit that it was built from, and the versions of Go and of gVisor,
whose netstack it runs.`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	c.RunE = func(c *cobra.Command, _ []string) error { return writeVersion(c.OutOrStdout(), asJSON) }
	return c
}

func writeVersion(w io.Writer, asJSON bool) error {
	info, _ := debug.ReadBuildInfo() // nil where there is none
	b := built(info)
	if asJSON {
		return writeJSON(w, b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// built is what there is to say about a build; info may be nil.
func built(info *debug.BuildInfo) build {
	b := build{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	for _, m := range info.Deps {
		if m.Path == "gvisor.dev/gvisor" {
			b.GVisor = m.Version
		}
	}
	return b
}

// String is for people, a line for each thing that was built from.
func (b build) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "lastack %s\n", b.Version)
	if b.Revision != "" {
		changed := ""
		if b.Modified {
			changed = ", and changes that are in no commit"
		}
		fmt.Fprintf(&s, "commit %s of %s%s\n", b.Revision, b.Time, changed)
	}
	fmt.Fprintf(&s, "%s, %s/%s\n", b.Go, b.OS, b.Arch)
	if b.GVisor != "" {
		fmt.Fprintf(&s, "gVisor %s\n", b.GVisor)
	}
	return s.String()
}
