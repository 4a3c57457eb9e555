package term

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// small is a writer with room for so many bytes.
type small int

var errFull = errors.New("full")

func (s *small) Write(b []byte) (int, error) {
	if len(b) > int(*s) {
		return int(*s), errFull
	}
	*s -= small(len(b))
	return len(b), nil
}

func TestOutputRemembersTheFirstError(t *testing.T) {
	room, stops := small(8), 0
	o := NewOutput(&room, func() { stops++ })
	fmt.Fprint(o, "fits")
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(o, "does not fit")
	if _, err := fmt.Fprint(o, "fits"); err != errFull {
		t.Errorf("writing after an error: %v", err)
	}
	if o.Err() != errFull || stops != 1 || room != 4 {
		t.Errorf("%v, stopped %d times, room for %d; want %v, 1, 4", o.Err(), stops, room, errFull)
	}
}

func TestOutputTakesAShortWriteForAnError(t *testing.T) {
	o := NewOutput(short{}, nil)
	if _, err := o.Write([]byte("text")); err != io.ErrShortWrite || o.Err() != err {
		t.Errorf("%v", err)
	}
}

type short struct{}

func (short) Write(b []byte) (int, error) { return len(b) - 1, nil }
