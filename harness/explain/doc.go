// Package explain says how every connection of a capture closed, and what a
// person who runs the machines in it should do about that.
//
//	capture.Source --Analysis.Add--> segment.Parse --> teardown.Table
//	                                                        | a connection leaves
//	                                      Filter <----------+
//	                                        |
//	            Options.Each (JSON, CSV, a ladder), Groups, Findings --> Summary
//
// A capture of any length is read once, in bounded memory. Connections leave the
// table when they are finished, and some time later, so that stragglers find
// theirs; what is kept of one that left are counts, and percentiles from
// histograms whose buckets are 3% wide. The bounds are constants of this package;
// where one was reached the Summary has a warning.
//
// [Annotate] writes the capture again with a remark on each packet that matters,
// and [Diff] holds two captures of one close against each other.
//
// The package draws no ladder and opens no file: its caller does.
package explain
