package explain_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/explain"
)

// TestCutEarly: a file that ends too early is no error as soon as one packet is whole,
// whatever that is, and hides no damage of another file.
func TestCutEarly(t *testing.T) {
	pcap := func(records int, tail ...byte) []byte {
		b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0}
		for range records { // of ARP
			b = append(b, 1, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 14, 0, 0, 0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 8, 6)
		}
		return append(b, tail...)
	}
	damaged := []byte{1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 14, 0, 0, 0}
	for name, tt := range map[string]struct {
		files [][]byte
		want  error
	}{
		"in the second packet":  {[][]byte{pcap(1, 7)}, nil},
		"in the first":          {[][]byte{pcap(0, 7)}, io.ErrUnexpectedEOF},
		"nothing":               {[][]byte{pcap(0)}, nil},
		"two cut":               {[][]byte{pcap(1, 7), pcap(2, 7)}, nil},
		"one damaged":           {[][]byte{pcap(2, damaged...)}, capture.ErrMalformed},
		"one cut, one damaged":  {[][]byte{pcap(1, 7), pcap(2, damaged...)}, capture.ErrMalformed},
		"cut early beside much": {[][]byte{pcap(0, 7), pcap(2)}, io.ErrUnexpectedEOF},
	} {
		var sources []capture.Source
		for _, f := range tt.files {
			r, err := capture.NewReader(bytes.NewReader(f))
			if err != nil {
				t.Fatal(err)
			}
			sources = append(sources, r)
		}
		src := sources[0]
		if len(sources) > 1 {
			src = explain.NewMerge(sources)
		}
		if err := explain.New(explain.Options{}).ReadAll(src); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}
