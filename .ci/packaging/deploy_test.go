package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
	"go.yaml.in/yaml/v4"
)

func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestThePackages builds the Debian and RPM packages as .goreleaser.yaml describes them, by the library
// that GoReleaser builds them with, unpacks the first and starts what is in it.
func TestThePackages(t *testing.T) {
	from, root, dir := binaries(t), "../..", t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// What hooks of a release write, and what its templates say.
	if err := os.MkdirAll(filepath.Join(dir, "man"), 0o755); err != nil {
		t.Fatal(err)
	}
	said(t, filepath.Join(from, "firebreak"), "man", "--dir", filepath.Join(dir, "man"))
	for shell, file := range map[string]string{"bash": "firebreak.bash", "zsh": "_firebreak", "fish": "firebreak.fish"} {
		script := said(t, filepath.Join(from, "firebreak"), "completion", shell)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	filled := strings.NewReplacer("{{ .CommitDate }}", "2026-11-30T00:00:00Z", "build/", dir+"/",
		"src: templates/", "src: "+root+"/templates/", `src: "templates/`, `src: "`+root+"/templates/",
		"src: LICENSE", "src: "+root+"/LICENSE", "src: NOTICE", "src: "+root+"/NOTICE",
		"install: templates/", "install: "+root+"/templates/", "remove: templates/", "remove: "+root+"/templates/",
	).Replace(string(text))
	var release struct {
		NFPMs []map[string]any `yaml:"nfpms"`
	}
	if err := yaml.Unmarshal([]byte(filled), &release); err != nil || len(release.NFPMs) != 2 {
		t.Fatalf("%v, %d packages", err, len(release.NFPMs))
	}
	for _, p := range release.NFPMs {
		name := p["package_name"].(string)
		t.Run(name, func(t *testing.T) {
			binary := map[string]any{"src": filepath.Join(from, name), "dst": "/usr/bin/" + name}
			p["name"], p["version"], p["arch"] = name, "v1.2.3", runtime.GOARCH
			p["contents"] = append(slices.Clone(p["contents"].([]any)), binary)
			for _, ofGoReleaser := range []string{"package_name", "id", "ids", "formats", "bindir"} {
				delete(p, ofGoReleaser)
			}
			one, err := yaml.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			config, err := nfpm.Parse(bytes.NewReader(one))
			if err != nil {
				t.Fatal(err)
			}
			for _, format := range []string{"deb", "rpm"} {
				checkPackage(t, config, name, format)
			}
		})
	}
}

func checkPackage(t *testing.T, config nfpm.Config, name, format string) {
	t.Helper()
	info, err := config.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		t.Fatal(err)
	}
	info = nfpm.WithDefaults(info)
	info.Deb.Compression, info.RPM.Compression = "none", "gzip:1" // nobody downloads these
	path := filepath.Join(t.TempDir(), name+"."+format)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := packager.Package(info, file); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	switch {
	case format == "deb" && lookup("dpkg-deb"):
		root := t.TempDir()
		said(t, "dpkg-deb", "--extract", path, root)
		if told := said(t, filepath.Join(root, "usr/bin", name), "version"); !strings.HasPrefix(told, name+" ") {
			t.Errorf("%s of the package says %s", name, told)
		}
		if name == "firebreak-serve" {
			checkUnit(t, filepath.Join(root, "usr/lib/systemd/system/firebreak.service"))
			if scripts := said(t, "dpkg-deb", "--info", path, "postinst"); !strings.Contains(scripts, "daemon-reload") {
				t.Errorf("after an install: %s", scripts)
			}
		}
	case format == "rpm" && lookup("rpm"):
		if list := said(t, "rpm", "--query", "--list", "--package", path); !strings.Contains(list, "/usr/bin/"+name+"\n") {
			t.Errorf("%s has\n%s", path, list)
		}
	default:
		t.Logf("%s is built, and nothing here reads it", filepath.Base(path))
	}
}

func lookup(tool string) bool { _, err := exec.LookPath(tool); return err == nil }

// checkUnit holds systemd's own checks against the unit.
func checkUnit(t *testing.T, unit string) {
	t.Helper()
	if !lookup("systemd-analyze") {
		t.Log("no systemd-analyze here: the unit is not checked")
		return
	}
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	// The binary is checked for where it is installed, which is not here.
	here := filepath.Join(t.TempDir(), "firebreak.service")
	if err := os.WriteFile(here, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if told := said(t, "systemd-analyze", "verify", "--man=no", here); told != "" {
		t.Errorf("systemd-analyze verify says %s", told)
	}
	// The scale is 0 (safe) to 10, and the threshold is in tenths; Debian's nginx has 9.6.
	said(t, "systemd-analyze", "security", "--offline=true", "--threshold=15", here)
}

// TestTheComposeFile reads compose.yaml by the library that docker compose reads it with.
func TestTheComposeFile(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"compose.yaml": string(text), "firebreak.env": "FIREBREAK_APP_ID=1\n" +
		"FIREBREAK_PRIVATE_KEY_FILE=/somewhere/else.pem\n", "firebreak.private-key.pem": "key",
		"freezer.env": "FIREBREAK_FREEZE_PRIVATE_KEY_FILE=/somewhere/else.pem\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	profiles := []string{"tls"}
	load := func(env ...string) (*cli.ProjectOptions, error) {
		return cli.NewProjectOptions([]string{filepath.Join(dir, "compose.yaml")}, cli.WithWorkingDirectory(dir),
			cli.WithEnv(env), cli.WithProfiles(profiles))
	}
	options, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := options.LoadProject(t.Context()); err == nil || !strings.Contains(err.Error(), "the version to run") {
		t.Errorf("without a version: %v", err)
	}
	if options, err = load("FIREBREAK_VERSION=1.2.3", "FIREBREAK_HOST=firebreak.example.com"); err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server, err := project.GetService("firebreak")
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"image":         server.Image == "ghcr.io/firebreak-dev/firebreak-serve:1.2.3",
		"read-only":     server.ReadOnly,
		"capabilities":  slices.Equal(server.CapDrop, []string{"ALL"}) && len(server.CapAdd) == 0,
		"privileges":    slices.Contains(server.SecurityOpt, "no-new-privileges:true"),
		"grace":         server.StopGracePeriod != nil && server.StopGracePeriod.String() == "30s",
		"one address":   len(server.Ports) == 1 && server.Ports[0].HostIP == "127.0.0.1",
		"key":           *server.Environment["FIREBREAK_PRIVATE_KEY_FILE"] == "/run/secrets/private-key",
		"app":           *server.Environment["FIREBREAK_APP_ID"] == "1",
		"data":          len(server.Volumes) == 1 && server.Volumes[0].Target == "/data",
		"health check":  slices.Equal(server.HealthCheck.Test, append([]string{"CMD"}, images[0].health...)),
		"user of image": server.User == "",
	} {
		if !ok {
			t.Errorf("%s is not as it should be: %+v", what, server)
		}
	}
	if _, err := project.GetService("freezer"); err == nil {
		t.Error("the process for freezes runs although nobody asked for it")
	}
	profiles = []string{"freezer"}
	if options, err = load("FIREBREAK_VERSION=1.2.3"); err != nil {
		t.Fatal(err)
	}
	if project, err = options.LoadProject(t.Context()); err != nil {
		t.Fatal(err)
	}
	freezer, err := project.GetService("freezer")
	if err != nil {
		t.Fatal(err)
	}
	for what, ok := range map[string]bool{
		"command":       slices.Equal(freezer.Command, []string{"freezer", "--listen", "0.0.0.0:8791"}),
		"read-only":     freezer.ReadOnly && slices.Equal(freezer.CapDrop, []string{"ALL"}),
		"no address":    len(freezer.Ports) == 0,
		"key":           *freezer.Environment["FIREBREAK_FREEZE_PRIVATE_KEY_FILE"] == "/run/secrets/freezer-key",
		"no other key":  freezer.Environment["FIREBREAK_PRIVATE_KEY_FILE"] == nil && len(freezer.Secrets) == 1,
		"nobody else's": len(freezer.Networks) == 1 && freezer.Networks["freezes"] == nil,
	} {
		if !ok {
			t.Errorf("%s is not as it should be: %+v", what, freezer)
		}
	}
}
