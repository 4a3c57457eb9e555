// Package explain says how every connection of a capture closed, and what a
// person who runs the machines in it should do about that.
//
//	capture.Source --Analysis.ReadAll--> capture.Segments --> teardown.Table
//	                                                               | a connection leaves
//	                                             Filter <----------+
//	                                               |
//	                 Options.Each (JSON, CSV, a ladder), Groups, Findings --> Summary
//
// A capture of any length is read once, in bounded memory. Connections leave the
// table when they are finished, and some time later, so that stragglers find
// theirs; what is kept of one that left are counts, and percentiles from
// histograms whose buckets are 6% wide. The bounds are constants of this package;
// where one was reached the Summary has a warning.
//
// Questions for the whole capture (which side is the server without a SYN, limits on
// silence, for how long something was left open) are decided when all was seen;
// Options.Each is told what was known when its connection left. The parts of a Summary
// add up: a [PartialWriter] writes it down, and [MergeParts] makes the Summary of several
// captures.
//
// An [Annotator] writes the capture again with a remark on each packet that
// matters. [Pick] takes one connection out of a capture, and [Compare] holds two
// of them against each other. A [Merge] makes one capture of several.
//
// [ComparePath] holds two whole captures, made at both ends of a path, against each
// other. Both are read twice: NewSurvey keeps a digest of each connection, by which
// they are matched and the clocks' offset is estimated; then both are read at a time,
// and each segment waits until it is found in the other or is overdue.
//
//	NewSurvey(A), NewSurvey(B) --match--> twins, offset --walk--> PathDiff
//
// Package teardown says how far the verdicts can be trusted. They are those of its Report
// and Detail; what is added here, as it takes the whole capture, is for how long a
// connection was left open by the end, and whether the capture does not have segments
// that were acknowledged.
//
// A [Watch] makes a source of a live capture, keeps its packets, and calls back now and
// then: Analysis.Findings are those so far, and [News] the ones worth a line.
//
// The package draws no ladder and opens no file: its caller does.
package explain
