# The relay in a container: built with the SDK, run without it, by a user that is not root.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source

# What restore depends on alone first, so that a change of code does not restore again.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/Relay.Smtp/Relay.Smtp.csproj src/Relay.Smtp/
COPY src/Relay.Mail/Relay.Mail.csproj src/Relay.Mail/
COPY src/Relay.Intake/Relay.Intake.csproj src/Relay.Intake/
COPY src/Relay.Delivery/Relay.Delivery.csproj src/Relay.Delivery/
COPY src/Relay.Feedback/Relay.Feedback.csproj src/Relay.Feedback/
COPY src/Relay.Redis/Relay.Redis.csproj src/Relay.Redis/
COPY src/Relay.Host/Relay.Host.csproj src/Relay.Host/
RUN dotnet restore src/Relay.Host --use-current-runtime
COPY .editorconfig ./
COPY src/ src/
RUN dotnet publish src/Relay.Host -c Release --no-restore --use-current-runtime --self-contained false -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app ./
RUN mkdir /data && chown $APP_UID:$APP_UID /data
USER $APP_UID
VOLUME /data

# In a container the outside is another network: loopback would be reached by nobody. The listener without TLS stays there.
ENV DOTNET_ENVIRONMENT=Production \
    Relay__DataDirectory=/data \
    Relay__Http__Address=0.0.0.0 \
    Relay__Submission__Address=0.0.0.0 \
    Relay__Inbound__Address=0.0.0.0
# 25 is for what comes back, once Relay__Inbound__Enabled says so.
EXPOSE 8080 587 465 2525 25

HEALTHCHECK --interval=30s --timeout=15s --start-period=30s CMD ["dotnet", "relay.dll", "doctor"]
# SIGTERM lets what is in flight finish; give it more than the relay's own limit: docker stop --time 30.
ENTRYPOINT ["dotnet", "relay.dll"]
CMD ["serve"]
