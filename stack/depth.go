package stack

// depth is what the calls of a Write need of the goroutine's stack, down to the
// device, in bytes; and most of the 8 KiB that a stack may have.
const depth = 6 << 10

// deepen grows the goroutine's stack at once to what sending needs, while it is nearly
// empty. A goroutine that is made for a connection begins with 2 KiB; left to itself its
// stack would be copied twice, with all the calls of netstack on it, which is a twentieth
// of what a short connection costs.
//
//go:noinline
func deepen(i int) byte {
	var room [depth]byte
	return room[i]
}
