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

{{- /* Whom the API server takes the writer for. */ -}}
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
{{- end -}}

{{- /* Folders of the ConfigMap and the identities, for each container that reads them. */ -}}
{{- define "chart.mounts" -}}
- name: acr-configuration
  mountPath: /mnt/acr-configuration
  readOnly: true
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
