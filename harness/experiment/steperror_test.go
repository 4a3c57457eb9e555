package experiment

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
)

// TestStepErrors: the same error is kept once, whichever port it names.
func TestStepErrors(t *testing.T) {
	var connect, read Step
	for step, text := range map[*Step]string{&connect: "connect fails EADDRNOTAVAIL", &read: "read 10"} {
		if err := step.parse(text); err != nil {
			t.Fatal(err)
		}
	}
	var got stepErrors
	for port := range 3 {
		got.add(&connect, fmt.Errorf("dial from %d: %w", port, syscall.EADDRNOTAVAIL))
	}
	got.add(&connect, fmt.Errorf("dial: %w", syscall.ECONNREFUSED))
	got.add(&read, errors.New("gone"))
	got.add(&read, errors.New("away"))
	want := stepErrors{
		{"connect fails EADDRNOTAVAIL", "EADDRNOTAVAIL", "dial from 0: cannot assign requested address", 3, true},
		{"connect fails EADDRNOTAVAIL", "ECONNREFUSED", "dial: connection refused", 1, false},
		{"read 10", "", "gone", 1, false},
		{"read 10", "", "away", 1, false},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
