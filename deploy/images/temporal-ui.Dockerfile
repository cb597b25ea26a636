# In place of temporalio/ui:…; see make.sh.
FROM scratch
LABEL invoicing.made-here="ui-server with its own configuration, built from its own module, on Debian's busybox in place of Alpine; without dockerize"
COPY busybox /bin/
RUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && mkdir -m 1777 /tmp && mkdir -p /etc && echo temporal:x:1000:1000::/:/bin/sh > /etc/passwd"]
ENV PATH=/usr/local/bin:/bin
WORKDIR /home/ui-server
COPY ui-server ./
COPY docker.yaml ./config/
USER 1000
EXPOSE 8080
ENTRYPOINT ["./ui-server", "--env", "docker", "start"]
