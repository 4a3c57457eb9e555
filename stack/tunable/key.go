package tunable

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Key is a key of 128 bits, in the order in which Linux keeps what its sysctl
// writes as four words.
type Key [16]byte

// String is the key as sysctl writes it.
func (k Key) String() string {
	var words [4]string
	for i := range words {
		words[i] = fmt.Sprintf("%08x", binary.LittleEndian.Uint32(k[4*i:]))
	}
	return strings.Join(words[:], "-")
}

// noKey stands for a key that is yet to be chosen.
const noKey = "00000000-00000000-00000000-00000000"

// parseKeys reads one key, or two with a comma between them; noKey is none.
func parseKeys(text string) ([]Key, bool) {
	parts := strings.Split(strings.TrimSpace(text), ",")
	if len(parts) > 2 {
		return nil, false
	}
	var keys []Key
	for _, p := range parts {
		k, ok := parseKey(strings.TrimSpace(p))
		if !ok {
			return nil, false
		}
		keys = append(keys, k)
	}
	if len(keys) == 1 && keys[0] == (Key{}) {
		return nil, true
	}
	// Zeros are no key, so they cannot be one of two either.
	return keys, !slices.Contains(keys, Key{})
}

func parseKey(text string) (k Key, ok bool) {
	words := strings.Split(text, "-")
	if len(words) != 4 {
		return k, false
	}
	for i, w := range words {
		v, err := strconv.ParseUint(w, 16, 32)
		if err != nil || len(w) > 8 {
			return k, false
		}
		binary.LittleEndian.PutUint32(k[4*i:], uint32(v))
	}
	return k, true
}

// formatKeys writes what parseKeys has read before as sysctl does.
func formatKeys(text string) string {
	keys, _ := parseKeys(text)
	if len(keys) == 0 {
		return noKey
	}
	var parts []string
	for _, k := range keys {
		parts = append(parts, k.String())
	}
	return strings.Join(parts, ",")
}

// fingerprint is a number that other keys hardly have; of no key it is 0.
func fingerprint(keys []Key) int64 {
	if len(keys) == 0 {
		return 0
	}
	h := fnv.New64a()
	for _, k := range keys {
		_, _ = h.Write(k[:]) // never fails
	}
	return int64(h.Sum64()>>1 | 1)
}
