package metrics

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// Bounds of what clients can take.
const (
	maxConnections = 64
	maxScrapes     = 8
	headerTimeout  = 5 * time.Second
	answerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeader      = 16 << 10
	endTimeout     = time.Second
)

// Collector has metrics to show.
type Collector = prometheus.Collector

// Registry has the collectors, the program's version and what its process uses.
func Registry(version string, list ...Collector) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "lastack_build_info", Help: "The version of lastack that runs, with the value 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	reg.MustRegister(build, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(list...)
	return reg
}

// Handler answers /metrics from a registry, and says so at /.
func Handler(reg *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		// One metric that cannot be shown hides no other.
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes, EnableOpenMetrics: true,
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "lastack exports the state of TCP at /metrics\n") // a client that is gone
	})
	return mux
}

// Serve answers on l, which it closes, until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: log.New(io.Discard, "", 0),
	}
	stop := context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		if srv.Shutdown(limited) != nil {
			_ = srv.Close()
		}
	})
	defer stop()
	if err := srv.Serve(netutil.LimitListener(l, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
