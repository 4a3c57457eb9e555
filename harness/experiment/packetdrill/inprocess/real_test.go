package inprocess_test

import (
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/harness/experiment/packetdrill/script"
)

// TestRealTime: the same scripts run by the machine's clock, which may be late.
func TestRealTime(t *testing.T) {
	for _, name := range []string{"linger-0", "refused", "blocking"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := packetdrill.Load(t.Context(), "../testdata/"+name+".pkt", script.Config{})
			if err != nil {
				t.Fatal(err)
			}
			subject, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses()})
			if err != nil {
				t.Fatal(err)
			}
			if subject.Virtual() || subject.Name() != "lastack, real time" {
				t.Errorf("%s, virtual: %v", subject.Name(), subject.Virtual())
			}
			o := packetdrill.Run(t.Context(), s, subject, packetdrill.Config{Tolerance: 10 * time.Second})
			if o.Err != nil {
				t.Error(o.Err)
			}
			if err := subject.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
