package soak

import (
	"errors"
	"testing"
)

func TestContent(t *testing.T) {
	sent := make([]byte, 10_000)
	newContent(1, 2).next(sent)
	c := newContent(1, 2)
	for _, p := range [][]byte{sent[:1], sent[1:700], sent[700:]} {
		if err := c.check(p); err != nil {
			t.Fatal(err)
		}
	}
	for name, other := range map[string]*content{"seed": newContent(2, 2), "number": newContent(1, 3)} {
		if other.check(sent[:100]) == nil {
			t.Errorf("the content does not depend on the %s", name)
		}
	}
}

// TestContentBites: the byte that is wrong is named.
func TestContentBites(t *testing.T) {
	p := make([]byte, 100)
	newContent(1, 1).next(p)
	p[40] ^= 1
	c := newContent(1, 1)
	if err := c.check(p[:30]); err != nil {
		t.Fatal(err)
	}
	var wrong *wrongByteError
	if err := c.check(p[30:]); !errors.As(err, &wrong) || wrong.offset != 40 {
		t.Errorf("%v, want byte 40 to be wrong", err)
	}
}
