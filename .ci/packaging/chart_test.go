//go:build helm

// To compile Helm takes longer than the gate has: .ci/release runs this.

package main

import (
	"cmp"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestTheChart renders the chart by Helm, and checks what comes out against Kubernetes' schemas where they
// can be had.
func TestTheChart(t *testing.T) {
	helm := cmp.Or(os.Getenv("FIREBREAK_HELM"), "helm")
	const chart = "../../templates/deploy/chart/firebreak"
	all := []string{"--set", "existingSecret=firebreak,ingress.enabled=true,ingress.host=firebreak.example.com," +
		"ingress.tlsSecret=tls,ingress.className=nginx,caConfigMap=ca,env.FIREBREAK_REPOSITORIES=acme/incidents," +
		"serviceMonitor.enabled=true,persistence.storageClass=fast,nodeSelector.disk=ssd,podAnnotations.a=b"}
	least := []string{"--set", "existingSecret=firebreak"}
	guide, err := os.ReadFile("../../docs/production-kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(guide)
	file := filepath.Join(t.TempDir(), "values.yaml")
	if block == nil || os.WriteFile(file, block[1], 0o600) != nil {
		t.Fatal("the guide has no values")
	}
	several := []string{"--set", "existingSecret=firebreak,postgresql=true,replicas=3"}
	for _, values := range [][]string{least, all, several, {"--values", file}} {
		said(t, helm, append([]string{"lint", "--strict", "--kube-version", "1.34.0", chart}, values...)...)
		rendered := said(t, helm, append([]string{"template", "x", chart, "--kube-version", "1.34.0"}, values...)...)
		replicas, volumes := 1, 1
		if slices.Equal(values, several) {
			replicas, volumes = 3, 0
		}
		checkManifests(t, rendered, replicas, volumes)
	}
	for values, says := range map[string]string{
		"": "existingSecret", "existingSecret=x,replicas=2": "replicas", "existingSecret=x,ingress.enabled=true": "host",
		"existingSecret=x,env.PATH=y": "PATH", "existingSecret=x,image.digest=latest": "digest",
	} {
		out, err := exec.CommandContext(t.Context(), helm, "template", "x", chart, "--kube-version", "1.34.0", "--set",
			values).CombinedOutput()
		if err == nil || !strings.Contains(string(out), says) {
			t.Errorf("values %q: %v, %s", values, err, out)
		}
	}
}

func checkManifests(t *testing.T, rendered string, replicas, volumes int) {
	t.Helper()
	kinds := map[string]int{}
	for r := yaml.NewDecoder(strings.NewReader(rendered)); ; {
		var m struct {
			Kind string
			Spec struct {
				Replicas int
				Claims   []any `yaml:"volumeClaimTemplates"`
				Template struct {
					Spec struct {
						AutomountServiceAccountToken  *bool          `yaml:"automountServiceAccountToken"`
						SecurityContext               map[string]any `yaml:"securityContext"`
						TerminationGracePeriodSeconds int            `yaml:"terminationGracePeriodSeconds"`
						Containers                    []struct {
							Image           string
							SecurityContext map[string]any `yaml:"securityContext"`
						}
					}
				}
			}
		}
		err := r.Decode(&m)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, rendered)
		}
		kinds[m.Kind]++
		if m.Kind != "StatefulSet" {
			continue
		}
		pod := m.Spec.Template.Spec
		if m.Spec.Replicas != replicas || len(m.Spec.Claims) != volumes || pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken ||
			pod.SecurityContext["runAsUser"] != user || pod.SecurityContext["runAsNonRoot"] != true ||
			pod.TerminationGracePeriodSeconds <= 20 || len(pod.Containers) != 1 ||
			pod.Containers[0].SecurityContext["readOnlyRootFilesystem"] != true ||
			pod.Containers[0].SecurityContext["allowPrivilegeEscalation"] != false ||
			pod.Containers[0].Image != "ghcr.io/firebreak-dev/firebreak-serve:0.0.0" {
			t.Errorf("the pod is %+v", m.Spec)
		}
	}
	if kinds["StatefulSet"] != 1 || kinds["Service"] != 2 {
		t.Errorf("it has %v", kinds)
	}
	conform, isHere := os.Getenv("FIREBREAK_KUBECONFORM"), true
	if conform == "" {
		conform, isHere = "kubeconform", lookup("kubeconform")
	}
	if !isHere {
		t.Log("no kubeconform here")
		return
	}
	cmd := exec.CommandContext(t.Context(), conform, "-strict", "-summary", "-kubernetes-version", "1.34.0",
		"-skip", "ServiceMonitor", "-")
	cmd.Stdin = strings.NewReader(rendered)
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && strings.Contains(string(out), "failed downloading schema"):
		t.Logf("Kubernetes' schemas can't be downloaded from here: not checked against them")
	case err != nil:
		t.Errorf("kubeconform: %v\n%s", err, out)
	}
}
