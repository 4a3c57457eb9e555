package stack

import (
	"bytes"
	"strings"
	"testing"

	"gvisor.dev/gvisor/pkg/log"
)

func TestLogTo(t *testing.T) {
	before := log.Log().Emitter
	t.Cleanup(func() { log.SetTarget(before) })
	var b bytes.Buffer
	LogTo(&b)
	log.Warningf("a segment of %s failed", "somebody")
	if !strings.Contains(b.String(), "a segment of somebody failed") {
		t.Errorf("the log is %q", b.String())
	}
	n := b.Len()
	LogTo(nil)
	log.Warningf("another")
	if b.Len() != n {
		t.Errorf("a log that is discarded went on: %q", b.String())
	}
}
