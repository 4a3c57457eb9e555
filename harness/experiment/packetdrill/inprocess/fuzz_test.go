package inprocess_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/harness/experiment/packetdrill/script"
)

// FuzzRun: whatever a script says, it comes to an end, and so does the host.
func FuzzRun(f *testing.F) {
	for _, name := range []string{"blocking", "poll", "half-close", "icmp-refused", "rst-inexact"} {
		text, err := os.ReadFile("../testdata/" + name + ".pkt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := script.Parse("f", []byte(text), script.Config{})
		if err != nil {
			return
		}
		subject, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses(), Virtual: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o := packetdrill.Run(ctx, s, subject, packetdrill.Config{SkipShell: true, Limit: time.Hour})
		if errors.Is(o.Err, context.DeadlineExceeded) {
			t.Errorf("no end: %v", o.Err)
		}
		if err := subject.Close(); err != nil {
			t.Error(err)
		}
	})
}
