package programs

import (
	"os"
	"os/exec"
	"slices"
	"strings"

	"lastack/harness/lab"
)

// The jars of Debian's packages, by the package that brings them.
var (
	httpJars     = []jar{{"httpclient", "libhttpclient-java"}, {"httpcore", "libhttpclient-java"}, {"commons-logging", "libhttpclient-java"}, {"commons-codec", "libhttpclient-java"}}
	databaseJars = []jar{{"commons-dbcp2", "libcommons-dbcp2-java"}, {"commons-pool2", "libcommons-dbcp2-java"}, {"commons-logging", "libcommons-logging-java"}, {"mariadb-java-client", "libmariadb-java"}}
)

type jar struct{ name, pkg string }

func (j jar) path() string { return "/usr/share/java/" + j.name + ".jar" }

// javaArgs are Java's, for a source that is run as it is: what it starts fastest with, and
// room enough that it collects no garbage unless asked to.
func javaArgs(jars []jar, args ...string) []string {
	var paths []string
	for _, j := range jars {
		paths = append(paths, j.path())
	}
	command := []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Xmn192m", "-XX:MetaspaceSize=128m"}
	if len(paths) > 0 {
		command = append(command, "-cp", strings.Join(paths, ":"))
	}
	return append(command, args...)
}

// need is an error if Java's compiler, which runs a source, or one of the jars is not there.
func need(jars []jar) error {
	var missing, packages []string
	add := func(what, pkg string) {
		missing = append(missing, what)
		if !slices.Contains(packages, pkg) {
			packages = append(packages, pkg)
		}
	}
	// A runtime alone has no javac and cannot run a source.
	if _, err := exec.LookPath("javac"); err != nil {
		add("Java with its compiler", "default-jdk-headless")
	}
	for _, j := range jars {
		if _, err := os.Stat(j.path()); err != nil {
			add(j.path(), j.pkg)
		}
	}
	if missing == nil {
		return nil
	}
	are := " is"
	if len(missing) > 1 {
		are = " are"
	}
	return &lab.MissingError{
		What: strings.Join(missing, " and ") + are + " not installed",
		Mend: "sudo apt-get install " + strings.Join(packages, " "),
	}
}
