{{- /* Labels of every object. */ -}}
{{- define "chart.labels" -}}
app.kubernetes.io/name: aliyun-acr-credential-provider
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- /* What the agent's pods are known by. It can never change. */ -}}
{{- define "chart.nodeSelector" -}}
app.kubernetes.io/name: aliyun-acr-credential-provider
app.kubernetes.io/component: node
{{- end -}}

{{- /* What the pods are known by that the writer runs in. */ -}}
{{- define "chart.writerSelector" -}}
{{- if eq .Values.secrets.placement "daemonset" -}}
{{ include "chart.nodeSelector" . }}
{{- else -}}
app.kubernetes.io/name: aliyun-acr-credential-provider
app.kubernetes.io/component: secrets
{{- end -}}
{{- end -}}

{{- /* The agent's ServiceAccount, and the writer's, which may be the same. */ -}}
{{- define "chart.nodeAccount" -}}
{{ .Values.serviceAccount.name | default "aliyun-acr-credential-provider" }}
{{- end -}}

{{- define "chart.writerAccount" -}}
{{- if eq .Values.secrets.placement "daemonset" -}}
{{ include "chart.nodeAccount" . }}
{{- else -}}
{{ .Values.secrets.serviceAccountName | default "aliyun-acr-credential-provider-secrets" }}
{{- end -}}
{{- end -}}

{{- /* Whether there are policies. */ -}}
{{- define "chart.policies" -}}
{{- $enabled := .Values.validatingAdmissionPolicy.enabled -}}
{{- if kindIs "invalid" $enabled -}}
{{- $enabled = semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
{{- end -}}
{{- $enabled -}}
{{- end -}}

{{- /* Whom the API server takes the agent for, and the writer. */ -}}
{{- define "chart.nodeUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "chart.nodeAccount" . }}
{{- end -}}

{{- define "chart.writerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "chart.writerAccount" . }}
{{- end -}}

{{- define "chart.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "chart.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{- /* Stops what cannot work; schema and API server see the rest. */ -}}
{{- define "chart.check" -}}
{{- if ne .Release.Namespace "kube-system" -}}
{{- fail (printf "this chart belongs into namespace kube-system, where acr-configuration is, and not into %s: add --namespace kube-system" .Release.Namespace) -}}
{{- end -}}
{{- if and .Values.metrics.podMonitor.enabled (not .Values.metrics.enabled) -}}
{{- fail "metrics.podMonitor.enabled: without metrics.enabled the agents answer on their nodes' loopback address alone: set both" -}}
{{- end -}}
{{- if ne (empty .Values.webhook.authoritySecret) (empty .Values.webhook.caBundle) -}}
{{- fail "webhook.authoritySecret and webhook.caBundle: the one is the Secret of the authority, the other its certificate: set both or none" -}}
{{- end -}}
{{- $webhook := include "chart.webhook" . | fromYaml -}}
{{- if and $webhook.enabled (eq $webhook.failurePolicy "Fail") (eq .Values.secrets.placement "daemonset") -}}
{{- fail "secrets.placement daemonset with a webhook of failure policy Fail: pods of the DaemonSet that wait for their turn cannot answer, and new ServiceAccounts would be refused. Set webhook.failurePolicy=Ignore, which counts before acr-configuration's, or secrets.placement=separate" -}}
{{- end -}}
{{- if and (eq (include "chart.policies" .) "true") (eq (include "chart.writerAccount" .) "aliyun-acr-credential-helper") -}}
{{- if lookup "apps/v1" "Deployment" "kube-system" "aliyun-acr-credential-helper" -}}
{{- fail "aliyun-acr-credential-helper runs in this cluster, and the writer would have its ServiceAccount: the policies that keep the writer to its own would stop it. Give the writer another name (secrets.serviceAccountName, or, with secrets.placement daemonset, serviceAccount.name), or set validatingAdmissionPolicy.enabled=false" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Folders of the ConfigMap and the identities, for each container that reads them; the writer watches the former. */ -}}
{{- define "chart.mounts" -}}
- name: acr-configuration
  mountPath: /mnt/acr-configuration
  readOnly: true
{{ include "chart.identityMounts" . }}
{{- end -}}

{{- define "chart.identityMounts" -}}
- name: managed-role
  mountPath: /mnt/managed-role
  readOnly: true
- name: rrsa
  mountPath: /mnt/rrsa
  readOnly: true
{{- end -}}

{{- define "chart.volumes" -}}
- name: acr-configuration
  configMap:
    name: acr-configuration
    optional: true
{{ include "chart.identityVolumes" . }}
{{- end -}}

{{- define "chart.identityVolumes" -}}
- name: managed-role
  secret:
    secretName: {{ .Values.managedRole.secretName }}
    optional: true
    defaultMode: 0400
    items:
      - key: addon.token.config
        path: addon.token.config
- name: rrsa
  projected:
    sources:
      - serviceAccountToken:
          audience: sts.aliyuncs.com
          expirationSeconds: 3600
          path: token
{{- end -}}

{{- /* Where nobody is to be: on virtual nodes each pod is billed, and has no kubelet to look after. */ -}}
{{- define "chart.realNode" -}}
- key: type
  operator: NotIn
  values: [virtual-kubelet]
- key: alibabacloud.com/virtual-node
  operator: NotIn
  values: ["true"]
{{- end -}}

{{- define "chart.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* Probes of a container. `.port` is a number; `.host` is empty for the pod's address. */ -}}
{{- define "chart.probes" -}}
livenessProbe:
  httpGet:
    {{- include "chart.probed" . | nindent 4 }}
    path: /healthz
  periodSeconds: 20
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    {{- include "chart.probed" . | nindent 4 }}
    path: /readyz
  timeoutSeconds: 5
{{- end -}}

{{- define "chart.probed" -}}
{{- with .host -}}
host: {{ . }}
{{ end -}}
port: {{ .port }}
{{- end -}}
