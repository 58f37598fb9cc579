using System.Net;
using Relay.Load.Machine;
using Relay.Load.Traffic;

namespace Relay.Load.Targets.Rivals;

/// <summary>
/// Haraka from npm, a plain relay to the sink, one process for each core as its own documents advise; no plugin but
/// the few lines that take everything and name the sink, and with a certificate its own for TLS.
/// </summary>
internal static class Haraka
{
    // The latest version that runs on Debian's and everybody's Node 20.
    private const string Package = "haraka@3.3.4";

    /// <param name="certificate">Null where nobody speaks TLS.</param>
    /// <param name="tls">How clients come; it offers STARTTLS at most.</param>
    public static async Task<ITarget> StartAsync(
        Workspace workspace, string name, TestCertificate? certificate, LoadTls tls, bool sinkTls, IPEndPoint sink, CancellationToken cancellation)
    {
        var program = await InstallAsync(workspace, cancellation);
        var folder = workspace.Folder(name);
        workspace.Folder($"{name}/config");
        workspace.Folder($"{name}/plugins");
        workspace.Folder($"{name}/queue");
        var port = Workspace.FreePort();
        foreach (var (file, text) in (IEnumerable<(string, string)>)
            [
                ("config/smtp.ini", $"listen=127.0.0.1:{port}\nnodes={Environment.ProcessorCount}\n"),
                ("config/me", "haraka.load.test\n"),
                ("config/plugins", certificate is null ? "sink\n" : "tls\nsink\n"),
                ("config/log.ini", "[main]\nlevel=warn\n"),
                ("config/outbound.ini", $"enable_tls={(sinkTls ? "true" : "false")}\nconcurrency_max=100\nlocal_mx_ok=true\n"),
                ("plugins/sink.js", Plugin(sink)),
            ])
        {
            await File.WriteAllTextAsync(Path.Combine(folder, file), text, cancellation);
        }

        if (certificate is not null)
        {
            await File.WriteAllTextAsync(
                Path.Combine(folder, "config/tls.ini"), $"key={certificate.KeyFile}\ncert={certificate.CertificateFile}\n\n[outbound]\nrejectUnauthorized=false\n", cancellation);
        }

        // Without its own copy of this one it fails at the first greeting.
        const string Connection = "config/connection.ini";
        File.Copy(Path.Combine(Path.GetDirectoryName(program)!, "..", Connection), Path.Combine(folder, Connection));
        var process = ChildProcess.Start(workspace.File($"{name}.log"), "node", program, "-c", folder);
        return await ProcessTarget.WhenItGreetsAsync("haraka", process, port, cancellation, tls);
    }

    /// <summary>Once for all rounds: the path of its program.</summary>
    private static async Task<string> InstallAsync(Workspace workspace, CancellationToken cancellation)
    {
        var program = Path.Combine(workspace.Folder("npm"), "node_modules/haraka/bin/haraka");
        if (!File.Exists(program))
        {
            await ChildProcess.RunAsync(
                workspace.File("npm.log"), "npm",
                ["install", "--prefix", workspace.Folder("npm"), "--no-audit", "--no-fund", "--ignore-scripts", Package], cancellation);
        }

        return File.Exists(program) ? program : throw new InvalidOperationException($"npm installed no {program}");
    }

    private static string Plugin(IPEndPoint sink) => $$"""
        exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };
        exports.hook_rcpt = (next) => next(OK);
        exports.hook_get_mx = (next) => next(OK, { exchange: '{{sink.Address}}', port: {{sink.Port}}, priority: 0 });

        """;
}
