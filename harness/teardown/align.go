package teardown

// maxTable bounds the table of a longest common subsequence, in cells of two
// bytes. Longer stretches of difference are aligned with less care.
const maxTable = 4 << 20

// align pairs the segments of one direction in two traces: those that are alike
// in order, as many as possible, and between them those that seem to be the same
// segment changed. It returns every segment of both, in order.
func align(a, b []shape) []pair {
	var out []pair
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		out = append(out, pair{head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	out = append(out, middle(a[:len(a)-tail], b[:len(b)-tail], head)...)
	for i := tail; i > 0; i-- {
		out = append(out, pair{len(a) - i, len(b) - i})
	}
	return out
}

// middle aligns a[from:] and b[from:], which begin and end differently.
func middle(a, b []shape, from int) (out []pair) {
	n, m := len(a)-from, len(b)-from
	if n == 0 || m == 0 || (n+1)*(m+1) > maxTable || max(n, m) > 0xffff {
		return unlike(a, b, from, from)
	}
	// common[i*(m+1)+j] is the length of the longest common subsequence of
	// a[from+i:] and b[from+j:].
	common := make([]uint16, (n+1)*(m+1))
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			here := i*(m+1) + j
			if a[from+i] == b[from+j] {
				common[here] = common[here+m+2] + 1
			} else {
				common[here] = max(common[here+m+1], common[here+1])
			}
		}
	}
	i, j, gapI, gapJ := 0, 0, 0, 0
	for i < n && j < m {
		here := i*(m+1) + j
		switch {
		case a[from+i] == b[from+j]:
			out = append(out, unlike(a[:from+i], b[:from+j], from+gapI, from+gapJ)...)
			out = append(out, pair{from + i, from + j})
			i, j = i+1, j+1
			gapI, gapJ = i, j
		case common[here+m+1] >= common[here+1]:
			i++
		default:
			j++
		}
	}
	return append(out, unlike(a, b, from+gapI, from+gapJ)...)
}

// lookAhead is how far unlike searches for a segment's changed like.
const lookAhead = 64

// unlike pairs a[i:] and b[j:], between which the exact alignment found nothing,
// by what they stand for; what is left over is alone.
func unlike(a, b []shape, i, j int) (out []pair) {
	for i < len(a) && j < len(b) {
		k := j
		for k < len(b) && k-j < lookAhead && !a[i].resembles(&b[k]) {
			k++
		}
		if k == len(b) || k-j == lookAhead {
			out = append(out, pair{i, -1})
			i++
			continue
		}
		for ; j < k; j++ {
			out = append(out, pair{-1, j})
		}
		out = append(out, pair{i, j})
		i, j = i+1, j+1
	}
	for ; i < len(a); i++ {
		out = append(out, pair{i, -1})
	}
	for ; j < len(b); j++ {
		out = append(out, pair{-1, j})
	}
	return out
}

// resembles reports whether two segments may be one that was changed: they stand
// at the same place of the sequence space and do the same there, or one of these
// differs and everything else is alike.
func (s *shape) resembles(t *shape) bool {
	if s.seq == t.seq && s.len == t.len && (s.flags^t.flags)&control == 0 {
		return true
	}
	n := 0
	for _, differs := range []bool{s.seq != t.seq, s.ack != t.ack, s.len != t.len, s.flags != t.flags} {
		if differs {
			n++
		}
	}
	return n <= 1
}
