package middle

import (
	"slices"
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	args, env := Fill([]string{"x{LISTEN_PORT}", "{LISTEN_HOST}:{LISTEN_PORT}={SERVER_HOST}:{SERVER_PORT}", "{OTHER}"})
	if want := []string{"x7001", "10.78.1.2:7001=10.78.2.2:7002", "{OTHER}"}; !slices.Equal(args, want) {
		t.Errorf("%q, want %q", args, want)
	}
	if want := []string{"LISTEN_HOST=10.78.1.2", "LISTEN_PORT=7001", "SERVER_HOST=10.78.2.2", "SERVER_PORT=7002"}; !slices.Equal(env, want) {
		t.Errorf("%q, want %q", env, want)
	}
}

// TestTail: however much a proxy prints, the end of it is kept.
func TestTail(t *testing.T) {
	var s tail
	if s.String() != "none" {
		t.Errorf("nothing printed: %q", s.String())
	}
	if n, err := s.Write([]byte("first\nsec\x1bond\n")); n != 14 || err != nil {
		t.Fatal(n, err)
	}
	if got := s.String(); got != `first | sec\x1bond` {
		t.Errorf("%q", got)
	}
	for range 100 {
		_, _ = s.Write([]byte(strings.Repeat("x", 1000)))
	}
	_, _ = s.Write([]byte(strings.Repeat("y", 3*maxSaid) + "end"))
	if got := s.String(); len(got) > maxSaid+len("... ") || !strings.HasPrefix(got, "... y") || !strings.HasSuffix(got, "yend") {
		t.Errorf("%d bytes: %.20q", len(got), got)
	}
}
