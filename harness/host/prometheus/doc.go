// Package prometheus has no code: beside it are the rules and the dashboard for what package
// metrics exports, and the tests that hold them against a real Prometheus.
//
//	rules.yaml            for rule_files of Prometheus
//	dashboard.json        to import into Grafana
//	testdata/timing.yaml  promtool test rules: when which alert fires
package prometheus
