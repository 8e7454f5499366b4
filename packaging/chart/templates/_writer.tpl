{{- /* The container of the writer of compatibility Secrets, in the Deployment's pods or in the DaemonSet's. */ -}}
{{- define "chart.writerContainer" -}}
{{- $webhook := include "chart.webhook" . | fromYaml -}}
{{- $isOnNode := eq .Values.secrets.placement "daemonset" -}}
{{- $loopback := and $isOnNode (not .Values.metrics.enabled) -}}
- name: secrets
  image: {{ include "chart.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - agent
    - secrets
    - --namespace={{ .Values.namespace }}
    - --identity=$(POD_NAME)
    - --listen={{ $loopback | ternary "127.0.0.1" "$(POD_IP)" }}:{{ .Values.secrets.port }}
    - --token-mode={{ .Values.tokenMode }}
    {{- with .Values.clusterId }}
    - --cluster-id={{ . }}
    {{- end }}
    - --state-dir=/run/aliyun-acr-credential-provider
    {{- if .Values.secrets.takeover }}
    - --takeover
    {{- end }}
    {{- if .Values.uninstall }}
    - --remove
    {{- else if $webhook.enabled }}
    - --webhook-listen=$(POD_IP):{{ .Values.webhook.port }}
    - --webhook-authority=/mnt/webhook-authority
    - --webhook-service=aliyun-acr-credential-provider-webhook.{{ .Release.Namespace }}.svc
    {{- end }}
  env:
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: POD_IP
      valueFrom:
        fieldRef:
          fieldPath: status.podIP
    {{- range $name, $value := .Values.secrets.environment }}
    - name: {{ $name }}
      value: {{ $value | quote }}
    {{- end }}
  ports:
    - name: writer-metrics
      containerPort: {{ .Values.secrets.port }}
    {{- if $webhook.enabled }}
    - name: webhook
      containerPort: {{ .Values.webhook.port }}
    {{- end }}
  {{- include "chart.probes" (dict "port" .Values.secrets.port "host" ($loopback | ternary "127.0.0.1" "")) | nindent 2 }}
  securityContext:
    {{- include "chart.restricted" . | nindent 4 }}
    {{- if $isOnNode }}
    runAsUser: 0
    {{- else }}
    runAsNonRoot: true
    {{- end }}
  resources:
    {{- toYaml .Values.secrets.resources | nindent 4 }}
  volumeMounts:
    {{- include "chart.identityMounts" . | nindent 4 }}
    - name: writer-state
      mountPath: /run/aliyun-acr-credential-provider
    {{- if .Values.secrets.localSecret }}
    - name: local
      mountPath: /etc/aliyun-acr-credential-provider
      readOnly: true
    {{- end }}
    {{- if $webhook.enabled }}
    - name: webhook-authority
      mountPath: /mnt/webhook-authority
      readOnly: true
    {{- end }}
{{- end -}}

{{- /* Its volumes, but for those that the agent has too. */ -}}
{{- define "chart.writerVolumes" -}}
# In memory, since tokens are in it; the program makes its own folder there, which is nobody else's.
- name: writer-state
  emptyDir:
    medium: Memory
    sizeLimit: 32Mi
{{- with .Values.secrets.localSecret }}
- name: local
  secret:
    secretName: {{ . }}
{{- end }}
{{- if (include "chart.webhook" . | fromYaml).enabled }}
- name: webhook-authority
  secret:
    secretName: {{ .Values.webhook.authoritySecret | default "aliyun-acr-credential-provider-webhook" }}
    defaultMode: 0400
{{- end }}
{{- end -}}
