using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Confluent.Kafka;
using Metering.Cli.Settings;

namespace Metering.Cli.Doctor;

/// <summary>Whether the services around answer.</summary>
internal static class ConnectionChecks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static Task<CheckResult> BrokersAsync(MeteringSettings settings) =>
        settings.Kafka.Brokers is { } brokers
            // librdkafka's call blocks for as long as it takes, so it has a thread of its own.
            ? Task.Factory.StartNew(() => Brokers(settings, brokers), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.FromResult(CheckResult.Ok("brokers", "none named: up brings its own, one node for one machine"));

    public static Task<CheckResult> RegistryAsync(MeteringSettings settings, HttpClient client, CancellationToken cancellationToken) =>
        settings.RegistryUrl is { } url
            ? AskAsync("registry", url, url.Address + "/subjects", KnownSettings.RegistryUrl.Flag, client, cancellationToken)
            : Task.FromResult(CheckResult.Ok("registry", "none named: up brings its own"));

    public static Task<CheckResult> ClickHouseAsync(MeteringSettings settings, HttpClient client, CancellationToken cancellationToken) =>
        settings.ClickHouseUrl is { } url
            ? AskAsync("ClickHouse", url, url.ClickHouseEndpoint + "/?query=SELECT%20version()", KnownSettings.ClickHouseUrl.Flag, client, cancellationToken)
            : Task.FromResult(CheckResult.Ok("ClickHouse", "none named: up brings its own"));

    private static CheckResult Brokers(MeteringSettings settings, string brokers)
    {
        string? lastError = null;
        try
        {
            var config = new AdminClientConfig(settings.Kafka.Config.ToDictionary(StringComparer.Ordinal)) { BootstrapServers = brokers };
            using var admin = new AdminClientBuilder(config)
                .SetErrorHandler((_, error) => lastError ??= error.Reason)
                .SetLogHandler((_, _) => { /* The error handler tells what matters, and stderr is for our own words. */ })
                .Build();
            var metadata = admin.GetMetadata(Patience);
            return CheckResult.Ok("brokers", string.Create(CultureInfo.InvariantCulture,
                $"{metadata.Brokers.Count} at {Secrets.MaskUserInfo(brokers)}, {metadata.Topics.Count} topics"));
        }
        catch (KafkaException e)
        {
            return CheckResult.Fail("brokers", $"{Secrets.MaskUserInfo(brokers)} does not answer ({lastError ?? e.Error.Reason})",
                "start Kafka or name it by --brokers; SASL and TLS settings go by --kafka-config");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            return CheckResult.Fail("brokers", $"librdkafka refuses the settings ({e.Message})", "correct --kafka-config");
        }
    }

    private static async Task<CheckResult> AskAsync(
        string check, ServiceUrl url, string address, string flag, HttpClient client, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (url.UserInfo is { } userInfo)
                request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(userInfo)));
            using var response = await client.SendAsync(request, cancellationToken);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => CheckResult.Ok(check, $"{url} answers"),
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => CheckResult.Fail(check,
                    $"{url} refuses us ({(int)response.StatusCode})", $"give user and password in {flag}: http://user:password@host"),
                _ => CheckResult.Fail(check, $"{url} answers {(int)response.StatusCode} {response.ReasonPhrase}", $"correct the address or its path in {flag}"),
            };
        }
        catch (HttpRequestException e)
        {
            return CheckResult.Fail(check, $"{url} does not answer ({e.Message})", $"start it, or correct {flag}");
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return CheckResult.Fail(check, string.Create(CultureInfo.InvariantCulture, $"{url} does not answer within {client.Timeout.TotalSeconds} s"), $"start it, or correct {flag}");
        }
    }
}
