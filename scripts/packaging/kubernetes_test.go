package packaging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of a file by kind, each decoded strictly: a field that Kubernetes
// does not know, or one given twice, is an error.
func manifests(text []byte) (map[string]any, error) {
	all := map[string]any{}
	for i, part := range bytes.Split(text, []byte("\n---\n")) {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(part, &head); err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		var object any
		switch head.APIVersion + " " + head.Kind {
		case "v1 Namespace":
			object = &corev1.Namespace{}
		case "v1 ServiceAccount":
			object = &corev1.ServiceAccount{}
		case "apps/v1 DaemonSet":
			object = &appsv1.DaemonSet{}
		default:
			return nil, fmt.Errorf("document %d: a %s %s is not expected here", i+1, head.APIVersion, head.Kind)
		}
		if err := yaml.UnmarshalStrict(part, object); err != nil {
			return nil, fmt.Errorf("document %d, a %s: %w", i+1, head.Kind, err)
		}
		all[head.Kind] = object
	}
	return all, nil
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func daemonSet(t *testing.T, name string) *appsv1.DaemonSet {
	t.Helper()
	all, err := manifests(read(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all["DaemonSet"].(*appsv1.DaemonSet)
}

// TestDaemonSet: what Kubernetes' types cannot say of the manifest.
func TestDaemonSet(t *testing.T) {
	all, err := manifests(read(t, "kubernetes/daemonset.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	set, account := all["DaemonSet"].(*appsv1.DaemonSet), all["ServiceAccount"].(*corev1.ServiceAccount)
	namespace := all["Namespace"].(*corev1.Namespace).Name
	pod := &set.Spec.Template
	c := &pod.Spec.Containers[0]
	if !maps.Equal(set.Spec.Selector.MatchLabels, pod.Labels) {
		t.Errorf("the selector %v does not take the pods' labels %v", set.Spec.Selector.MatchLabels, pod.Labels)
	}
	if set.Namespace != namespace || account.Namespace != namespace || pod.Spec.ServiceAccountName != account.Name {
		t.Error("namespaces or the account's name do not fit together")
	}
	if *account.AutomountServiceAccountToken || *pod.Spec.AutomountServiceAccountToken {
		t.Error("it gets a token that it does not need")
	}
	s := c.SecurityContext
	if !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
		len(s.Capabilities.Add) != 0 || !*pod.Spec.SecurityContext.RunAsNonRoot || !pod.Spec.HostNetwork || pod.Spec.HostPID {
		t.Error("it has more rights than it needs, or fewer")
	}
	port := fmt.Sprint(c.Ports[0].ContainerPort)
	if pod.Annotations["prometheus.io/port"] != port || !slices.Contains(c.Args, "--listen=$("+c.Env[0].Name+"):"+port) {
		t.Errorf("the ports of Prometheus, the container and its arguments differ: %v, %s, %v", pod.Annotations, port, c.Args)
	}
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet.Port.String() != c.Ports[0].Name {
			t.Errorf("a probe is missing, or asks elsewhere: %+v", probe)
		}
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
		t.Error("it has no bounds")
	}
	for _, mount := range c.VolumeMounts {
		if !slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }) {
			t.Errorf("there is no volume %s", mount.Name)
		}
	}
}

// TestPods: the patch, as kubectl applies it, adds what looking into pods needs and no more.
func TestPods(t *testing.T) {
	before := daemonSet(t, "kubernetes/daemonset.yaml")
	daemonSet(t, "kubernetes/pods.yaml") // a mistyped field there would change nothing
	patch, err := yaml.YAMLToJSON(read(t, "kubernetes/pods.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	original, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := strategicpatch.StrategicMergePatch(original, patch, appsv1.DaemonSet{})
	if err != nil {
		t.Fatal(err)
	}
	var after appsv1.DaemonSet
	if err := json.Unmarshal(merged, &after); err != nil {
		t.Fatal(err)
	}
	pod, was := &after.Spec.Template.Spec, &before.Spec.Template.Spec
	c := &pod.Containers[0]
	if len(pod.Containers) != 1 || !pod.HostPID || *pod.SecurityContext.RunAsUser != 0 || *pod.SecurityContext.RunAsNonRoot {
		t.Error("capabilities are of no use to who is not root in a container, nor other processes without hostPID")
	}
	if got := fmt.Sprint(c.SecurityContext.Capabilities.Add); got != "[SYS_ADMIN SYS_PTRACE DAC_READ_SEARCH]" {
		t.Errorf("capabilities %s", got)
	}
	if want := append(slices.Clone(was.Containers[0].Args), "--netns=all"); !slices.Equal(c.Args, want) {
		t.Errorf("arguments %v, want %v", c.Args, want)
	}
	if !*c.SecurityContext.ReadOnlyRootFilesystem || c.Image != was.Containers[0].Image || c.LivenessProbe == nil {
		t.Error("the patch takes something away")
	}
}

// TestStrict proves that a mistyped field is noticed, wherever it is.
func TestStrict(t *testing.T) {
	for _, name := range []string{"kubernetes/daemonset.yaml", "kubernetes/pods.yaml"} {
		text := string(read(t, name))
		n := 0
		for _, field := range []string{"hostPID", "hostNetwork", "runAsNonRoot", "readOnlyRootFilesystem", "livenessProbe", "capabilities", "automountServiceAccountToken", "sizeLimit", "matchLabels"} {
			if !strings.Contains(text, field+":") {
				continue
			}
			n++
			if _, err := manifests([]byte(strings.Replace(text, field+":", field+"s:", 1))); err == nil || !strings.Contains(err.Error(), field+"s") {
				t.Errorf("%s: %ss passes: %v", name, field, err)
			}
		}
		if n < 2 {
			t.Errorf("%s: only %d fields were mistyped", name, n)
		}
		if _, err := manifests([]byte(text + "\nkind: DaemonSet\n")); err == nil {
			t.Errorf("%s: a field given twice passes", name)
		}
	}
}
