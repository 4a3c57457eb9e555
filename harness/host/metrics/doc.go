// Package metrics shows to Prometheus what package monitor sees.
//
//	Targets --> Source.Look, each Interval --> Tracker --> snapshot
//	                                                         |
//	                   GET /metrics <-- Exporter.Collect <---+--- Closes (a capture, or a host)
//
// An Exporter looks by itself and keeps the latest look of each target, so that a scrape
// waits for none, and many scrapes cost no more than one. A look that failed, or is old,
// shows as lastack_look_success 0, and nothing else of its target does: what could not be
// read is absent, never zero.
//
// The number of series is bounded: MaxTargets targets, of each Config.Top destinations and
// MaxProcesses processes, and the rest of both summed under "other".
package metrics
