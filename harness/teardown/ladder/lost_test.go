package ladder

import (
	"testing"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

// TestImpaired draws what rules did: a cross where the wire never had a segment,
// and the rule under its arrow.
func TestImpaired(t *testing.T) {
	r := impaired(t)
	matches(t, "impaired.txt", Render(&r, Config{}))
}

// impaired is a close that two rules fell upon.
func impaired(t *testing.T) teardown.Report {
	t.Helper()
	recs, err := teardowntest.Parse(`
		0   c SYN
		1   s SYN+ACK
		2   c ACK
		10  c FIN+ACK
		11  s FIN+ACK
		12  c ACK
		200 s FIN+ACK seq=1 ack=2
		210 c ACK
	`)
	if err != nil {
		t.Fatal(err)
	}
	recs[3].Impaired = "delayed: every FIN from peer by 30 ms"
	recs[5].Lost, recs[5].Impaired = true, "dropped: the 1st pure ACK of a FIN from host"
	// What the steps would be without the segment that was lost.
	table := teardown.NewTable(teardown.Config{})
	var c *teardown.Conn
	for i := range recs {
		c = table.Add(&recs[i])
	}
	return c.Report()
}
