package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuilt(t *testing.T) {
	b := built(&debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"},
		Deps: []*debug.Module{{Path: "example.com/x", Version: "v9"}, {Path: "gvisor.dev/gvisor", Version: "v0.1"}},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	})
	text := b.String()
	for _, want := range []string{"lastack v1.2.3\n", "commit abc of 2026-01-02T03:04:05Z, and changes that are in no commit\n", "\ngVisor v0.1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not have %q", text, want)
		}
	}
	for _, info := range []*debug.BuildInfo{nil, {}} {
		if text := built(info).String(); !strings.HasPrefix(text, "lastack (devel)\ngo") || strings.Count(text, "\n") != 2 {
			t.Errorf("without build information: %q", text)
		}
	}
}
