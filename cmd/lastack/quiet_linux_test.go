package main

import (
	"io"
	"testing"

	"gvisor.dev/gvisor/pkg/log"
)

// TestQuiet: what gVisor logs does not reach a command's standard error.
func TestQuiet(t *testing.T) {
	before := log.Log().Emitter
	t.Cleanup(func() { log.SetTarget(before) })
	quiet()
	if e, ok := log.Log().Emitter.(log.GoogleEmitter); !ok || e.Next != io.Discard {
		t.Errorf("gVisor logs to %+v", log.Log().Emitter)
	}
}
