package ladder

import (
	"slices"
	"testing"
)

func TestWrapWide(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		"ACK of the FIN, at once": {"ACK of the", "FIN, at", "once"},
		"FIN 的 ACK，立即发出":          {"FIN 的", "ACK，立即", "发出"},
		"延迟确认\x1b[2J\u202e":       {"延迟确", "认?[2J?"},
	} {
		got := wrapWide(text, 10)
		if !slices.Equal(got, want) {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
		for _, line := range got {
			if columns(line) > 10 {
				t.Errorf("%q is %d columns wide", line, columns(line))
			}
		}
	}
}
