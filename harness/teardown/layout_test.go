package teardown

import (
	"testing"
	"unsafe"
)

// TestLayout: connections are far more than fit into the processor's caches, so that what
// a segment costs is the lines of 64 bytes that it touches. What every segment needs fills
// whole lines, and what few need has lines of its own.
func TestLayout(t *testing.T) {
	const line = 64
	var e entry
	for what, at := range map[string]uintptr{
		"an entry":     unsafe.Sizeof(e),
		"the sides":    unsafe.Offsetof(e.side),
		"a side":       unsafe.Sizeof(e.side[0]),
		"flow's state": unsafe.Offsetof(e.flow),
		"the head":     unsafe.Offsetof(e.rst) + unsafe.Sizeof(e.rst),
	} {
		if at%line != 0 {
			t.Errorf("%s: %d bytes are no whole lines", what, at)
		}
	}
	if size := unsafe.Sizeof(e); size > 896 {
		t.Errorf("an entry has %d bytes; 65,536 of them have to fit into 60 MiB", size)
	}
	var s side
	if used := unsafe.Offsetof(s.fin) + unsafe.Offsetof(s.fin.at); used > 2*line {
		t.Errorf("what most segments need of a side ends at byte %d, in its third line", used)
	}
}
