{{/* Labels of every object. */}}
{{- define "stagekeeper.labels" -}}
app.kubernetes.io/name: stagekeeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: stagekeeper
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels of objects that an upgrade leaves untouched as long as their own text stays the same. */}}
{{- define "stagekeeper.lastingLabels" -}}
app.kubernetes.io/name: stagekeeper
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: stagekeeper
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels that select the operator's pods. */}}
{{- define "stagekeeper.selector" -}}
app.kubernetes.io/name: stagekeeper
app.kubernetes.io/component: operator
{{- end }}

{{/* The operator, as the API server sees it. */}}
{{- define "stagekeeper.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:stagekeeper
{{- end }}

{{/* Users of controllers in the control plane, as CEL lists. The first is all of them at once, where
     kube-controller-manager runs without --use-service-account-credentials. The garbage collector is not among those that
     may delete what serves: an owner is something that anybody can write down. */}}
{{- define "stagekeeper.deleters" -}}
['system:kube-controller-manager', 'system:serviceaccount:kube-system:namespace-controller']
{{- end }}
{{- define "stagekeeper.jobControllers" -}}
['system:kube-controller-manager', 'system:serviceaccount:kube-system:job-controller']
{{- end }}
{{- define "stagekeeper.endpointControllers" -}}
['system:kube-controller-manager', 'system:serviceaccount:kube-system:endpoint-controller', 'system:serviceaccount:kube-system:endpointslice-controller', 'system:serviceaccount:kube-system:endpointslicemirroring-controller', 'system:serviceaccount:kube-system:generic-garbage-collector', 'system:serviceaccount:kube-system:namespace-controller']
{{- end }}
{{- define "stagekeeper.workloadControllers" -}}
['system:kube-controller-manager', 'system:serviceaccount:kube-system:deployment-controller', 'system:serviceaccount:kube-system:replicaset-controller', 'system:serviceaccount:kube-system:replication-controller', 'system:serviceaccount:kube-system:statefulset-controller', 'system:serviceaccount:kube-system:daemon-set-controller', 'system:serviceaccount:kube-system:job-controller', 'system:serviceaccount:kube-system:cronjob-controller', 'system:serviceaccount:kube-system:generic-garbage-collector', 'system:serviceaccount:kube-system:namespace-controller']
{{- end }}

{{/* Namespaces in which no model is served. */}}
{{- define "stagekeeper.systemNamespaces" -}}
[kube-system, kube-public, kube-node-lease, {{ .Release.Namespace }}]
{{- end }}

{{/* Words that are aliases, never versions. */}}
{{- define "stagekeeper.aliases" -}}
['latest', 'champion', 'challenger', 'prod', 'production', 'staging', 'stable']
{{- end }}

{{- define "stagekeeper.image" -}}
{{- if or (not .repository) (not .digest) -}}
{{- fail (printf "%s.repository and %s.digest must be set: images are used by digest, because a tag can be moved. For example --set %s.repository=example.com/stagekeeper --set %s.digest=sha256:…" .value .value .value .value) -}}
{{- end -}}
{{ .repository }}@{{ .digest }}
{{- end }}

{{/* Whether the cluster fills in who asks, approves and registers; said by the API server, or by --api-versions. */}}
{{- define "stagekeeper.stamps" -}}
{{- if and .Values.admissionPolicies.enabled .Values.admissionPolicies.stampIdentity (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy") -}}
true
{{- end -}}
{{- end }}

{{/* What a person does whose object does not say who they are. */}}
{{- define "stagekeeper.howToSay" -}}
{{- if include "stagekeeper.stamps" .root -}}
leave spec.{{ .field }} out and it is filled in
{{- else -}}
create the object with kubectl stagekeeper create, which fills it in
{{- end -}}
{{- end }}

{{/* The port of an https address. */}}
{{- define "stagekeeper.port" -}}
{{- $parts := regexFindAll "(?i)^https://(?:\\[[^\\]]+\\]|[^/:]+):([0-9]+)/?$" . 1 -}}
{{- if $parts -}}{{ regexReplaceAll "^.*:([0-9]+)/?$" . "${1}" }}{{- else -}}443{{- end -}}
{{- end }}

{{/* Where the operator's credentials for the audit bucket come from, for its configuration. */}}
{{- define "stagekeeper.credentials" -}}
{{- $store := .Values.auditStore -}}
{{- if $store.credentialsSecretRef -}}
source: Files
{{- if $store.credentialsSecretRef.sessionTokenKey }}
sessionToken: true
{{- end }}
{{- else if $store.webIdentity -}}
source: WebIdentity
roleArn: {{ $store.webIdentity.roleARN | quote }}
tokenFile: /var/run/secrets/stagekeeper/sts/token
{{- with $store.webIdentity.stsEndpoint }}
stsEndpoint: {{ . | quote }}
{{- end }}
{{- else -}}
source: Auto
{{- end }}
{{- end }}

{{/* Refuses values that would install something useless or something that cannot be undone. */}}
{{- define "stagekeeper.check" -}}
{{- $store := .Values.auditStore -}}
{{- if not $store.retention -}}
{{- fail "auditStore.retention must be set: it says for how long every audit record is locked in the bucket, and nobody can shorten it afterwards. 24h is enough to try things out; what your regulator asks for may be 87672h, which is ten years." -}}
{{- end -}}
{{- if not $store.acceptComplianceLock -}}
{{- fail (printf "auditStore.acceptComplianceLock must be true: every audit record is locked in the bucket in COMPLIANCE mode for %s, in which nobody, not even the owner of the bucket, can delete or shorten it, and its storage must be paid for until then. Set it once you agree, or set a shorter auditStore.retention first." $store.retention) -}}
{{- end -}}
{{- range $name := list "endpoint" "bucket" -}}
{{- if not (index $store $name) -}}
{{- fail (printf "auditStore.%s must be set: without a bucket for its records Stagekeeper promotes nothing." $name) -}}
{{- end -}}
{{- end -}}
{{- with $store.credentialsSecretRef -}}
{{- if not .name -}}
{{- fail "auditStore.credentialsSecretRef.name must be set: without credentials for its bucket Stagekeeper promotes nothing. Set auditStore.credentialsSecretRef to null for those that the pod has by its service account or node." -}}
{{- end -}}
{{- end -}}
{{- if and $store.credentialsSecretRef $store.webIdentity -}}
{{- fail "auditStore.webIdentity needs auditStore.credentialsSecretRef: null, because keys of a Secret would be used instead." -}}
{{- end -}}
{{- if has .Release.Namespace .Values.servingNamespaces -}}
{{- fail (printf "servingNamespaces must not contain %s, the operator's own namespace: its Secrets would be within reach of served models." .Release.Namespace) -}}
{{- end -}}
{{- if or (has .Values.gates.namespace .Values.servingNamespaces) (eq .Values.gates.namespace .Release.Namespace) -}}
{{- fail "gates.namespace must be a namespace of its own: nobody but the operator may create anything there." -}}
{{- end -}}
{{- end }}

{{/* Egress rules of NetworkPolicies: cluster DNS, and some ports of some addresses. */}}
{{- define "stagekeeper.dns" -}}
{to: [{namespaceSelector: {}}, {ipBlock: {cidr: 169.254.20.10/32}}], ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]}
{{- end }}
{{- define "stagekeeper.towards" -}}
{{- $to := list -}}
{{- range .cidrs -}}{{- $to = append $to (dict "ipBlock" (dict "cidr" .)) -}}{{- end -}}
{{- if not $to -}}
{{- $to = list (dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" (list "169.254.0.0/16"))) (dict "ipBlock" (dict "cidr" "::/0" "except" (list "fe80::/10" "fd00:ec2::254/128"))) -}}
{{- end -}}
{{- $ports := list -}}
{{- range .ports -}}{{- $ports = append $ports (dict "protocol" "TCP" "port" (int .)) -}}{{- end -}}
{{ toJson (dict "to" $to "ports" $ports) }}
{{- end }}

{{/* Annotations of what helm test makes and takes away again; the argument is the order. */}}
{{- define "stagekeeper.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
