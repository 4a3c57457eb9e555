// Package impair holds the rules that make a wire bad: which segments are dropped,
// delayed, duplicated, reordered or corrupted. A rule is one line that a person can say:
//
//	drop the 1st pure ACK of a FIN from host
//	delay segments with FIN from peer by 30 ms
//	duplicate every FIN from host
//	reorder the 2nd segment with data from peer
//	corrupt the first 3 segments from either on port 80
//	drop every 10th of all SYNs from peer
//	drop 5% of segments from either
//
// # Grammar
//
//	rule   = action [count] kind clauses
//	action = "drop" | "delay" | "duplicate" | "reorder" | "corrupt"
//	count  = "every" | ("the" | "every") ordinal ["of all"]
//	       | "the first" [number] ["of all"] | number "%" "of" ["all"]
//	kind   = "segment" ["with" ("SYN" | "SYN+ACK" | "FIN" | "RST" | "data")]
//	       | "SYN" | "SYN+ACK" | "FIN" | "RST" | "data"
//	       | "pure ACK" | ["pure"] "ACK of a FIN"
//	clause = "from" ("host" | "peer" | "either")   (required)
//	       | "on port" number                      (of either end)
//	       | "by" number ("ms" | "s")              (with delay, and required there)
//
// Clauses come in any order, kinds also in the plural, and letters are large or
// small. Without a count a rule means every one.
//
// A SYN is one without ACK. A pure ACK has no other flag and no data. An ACK of a
// FIN acknowledges the other side's FIN, for the first time or again, and may
// carry data or a FIN of its own. Retransmissions count like any segment: the 2nd
// FIN is the first one sent again.
//
// Counts are per connection, TIME_WAIT included, unless "of all" is said. A segment of no
// connection has no such count, so that only rules with "every", "of all" or a percentage
// apply to it.
//
// # Use
//
//	rule, err := impair.Parse("drop 5% of segments from either")
//	set := impair.NewSet([]impair.Rule{rule}, seed)
//	hit := set.Judge(&segment, &counts)
//
// The package is pure: it sees segments and returns decisions, and neither drops
// nor delays anything (lastack/stack/closepath does). The owner of a Set
// serialises its calls.
package impair
