using System.Diagnostics;
using Confluent.SchemaRegistry;
using Metering.Client.Sending;
using Metering.Events;
using Metering.Testing;

namespace Metering.Client.Tests.Sending;

/// <summary>Against the real registry of the shared folder, whose URL has a path.</summary>
public sealed class RegistryCatalogTests
{
    [Fact]
    public async Task GetId_registers_a_schema_once_and_finds_it_again()
    {
        if (SharedFolder.TryPath("registry/registry") is not { } script)
        {
            Assert.Skip("skipped: no real registry: set METERING_SHARED to a folder with registry/registry");
            return;
        }
        using var folder = new TempFolder();
        var url = await RunAsync(script, "start", "--port", "0", "--dir", folder.Path);
        try
        {
            using var catalog = new RegistryCatalog(url.Replace("http://", "http://user:p%40ss@", StringComparison.Ordinal));
            var id = await catalog.GetIdAsync("t-token-events-value", TokenEvent.SchemaJson);
            Assert.Equal(id, await catalog.GetIdAsync("t-token-events-value", TokenEvent.SchemaJson));
            using var plain = new CachedSchemaRegistryClient(new SchemaRegistryConfig { Url = url });
            Assert.Contains("token-events-value", string.Join(' ', await plain.GetAllSubjectsAsync()), StringComparison.Ordinal);
            Assert.Equal(id, (await plain.GetLatestSchemaAsync("t-token-events-value")).Id);
            await Assert.ThrowsAsync<SchemaRegistryException>(() => catalog.GetIdAsync("t-token-events-value", """{"type":"string"}"""));
        }
        finally
        {
            await RunAsync(script, "stop", "--dir", folder.Path);
        }
    }

    // Through a file: the server inherits the script's streams, and reading a pipe would not end.
    private static async Task<string> RunAsync(params string[] command)
    {
        var output = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("bash") { UseShellExecute = false, RedirectStandardInput = true };
            foreach (var argument in (string[])["-c", "out=$1; shift; exec \"$@\" > \"$out\" 2>/dev/null", "registry", output, .. command])
                start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.Equal(0, process.ExitCode);
            return (await File.ReadAllTextAsync(output)).Trim();
        }
        finally
        {
            File.Delete(output);
        }
    }
}
