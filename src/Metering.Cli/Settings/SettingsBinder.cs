using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Metering.LocalBroker;
using Microsoft.Extensions.Logging;

namespace Metering.Cli.Settings;

/// <summary>Turns what was given into checked records; what is wrong becomes a sentence, and the default stands in.</summary>
internal sealed partial class SettingsBinder(SettingLayers layers, List<string> errors)
{
    public MeteringSettings Bind() => new()
    {
        Kafka = new KafkaSettings
        {
            Brokers = Get<string>(KnownSettings.Brokers, null, ParseBrokers, "host:port, several joined by commas"),
            Config = KafkaConfig(),
            TopicPrefix = Get(KnownSettings.TopicPrefix, "", ParsePrefix, "at most 100 letters, digits, '.', '_' and '-'")!,
            GroupInstance = Get<string>(KnownSettings.GroupInstance, null, ParseMember, "1 to 200 letters, digits, '.', '_' and '-'"),
            Partitions = layers.Get(KnownSettings.Partitions) is null ? null : Number(KnownSettings.Partitions, 1, 1, 10_000),
            Replication = layers.Get(KnownSettings.Replication) is null ? null : (short)Number(KnownSettings.Replication, 1, 1, 100),
            Durability = Choice(KnownSettings.KafkaDurability, Durability.Disk, ("disk", Durability.Disk), ("process", Durability.Process)),
        },
        RegistryUrl = Url(KnownSettings.RegistryUrl, "http://host:8081"),
        ClickHouseUrl = Url(KnownSettings.ClickHouseUrl, "http://user:password@host:8123/database"),
        Ports = new PortSettings
        {
            Listen = Get(KnownSettings.Listen, IPAddress.Loopback, ParseAddress, "an IP address: 127.0.0.1, or 0.0.0.0 for all")!,
            Kafka = Port(KnownSettings.KafkaPort, 9092),
            Registry = Port(KnownSettings.RegistryPort, 8081),
            ClickHouse = Port(KnownSettings.ClickHousePort, 8123),
            Server = Port(KnownSettings.ServerPort, 8080),
            Gateway = Port(KnownSettings.GatewayPort, 4000),
            Keda = Port(KnownSettings.KedaPort, 6000),
            Host = Port(KnownSettings.HostPort, 4001),
        },
        Run = new RunSettings
        {
            DataDirectory = Get(KnownSettings.Data, Path.GetFullPath("data"), ParseDirectory, "a directory's path")!,
            Name = Get<string>(KnownSettings.Name, null, ParseName, "1 to 200 letters, digits, '.', '_', '-', ':' and '/'"),
            CommitInterval = Duration(KnownSettings.CommitInterval, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(5), TimeSpan.FromSeconds(5)),
            MeterHost = Choice(KnownSettings.MeterHost, MeterHost.Native, ("native", MeterHost.Native), ("streamiz", MeterHost.Streamiz)),
            LossGrace = Duration(KnownSettings.LossGrace, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            Stages = Get(KnownSettings.Stages, Stages.All, ParseStages, "any of meter, govern and sink, joined by commas"),
            For = layers.Get(KnownSettings.For) is null
                ? null
                : Duration(KnownSettings.For, TimeSpan.Zero, TimeSpan.FromMilliseconds(1), LongestFor),
            WorkloadEventsPerSecond = Workload(),
        },
        Gateway = new GatewaySettings
        {
            Upstreams = [.. Many<(string Name, Uri Url)>(KnownSettings.Upstream, ParseUpstream, "[NAME=]URL with http or https, such as openai=https://api.openai.com")],
            UpstreamKeyFiles = [.. Many<(string Name, string File)>(KnownSettings.UpstreamKeyFile, ParseKeyFile, "[NAME=]FILE, NAME as in --upstream")],
            IgnoreMaxTokens = [.. Many<string>(KnownSettings.UpstreamIgnoresMaxTokens, ParseName, "a NAME as in --upstream")],
            MaxBodyBytes = Number(KnownSettings.MaxBodyBytes, 32 << 20, 1 << 10, 1 << 30),
            MaxAnswerBytes = Number(KnownSettings.MaxAnswerBytes, 64 << 20, 1 << 10, 1 << 30),
            ConnectTimeout = Duration(KnownSettings.ConnectTimeout, TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1)),
            AnswerTimeout = Duration(KnownSettings.AnswerTimeout, TimeSpan.FromMinutes(10), TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1)),
            IdleTimeout = Duration(KnownSettings.IdleTimeout, TimeSpan.FromMinutes(2), TimeSpan.FromMilliseconds(10), TimeSpan.FromDays(1)),
            Drain = Duration(KnownSettings.Drain, TimeSpan.FromSeconds(10), TimeSpan.Zero, TimeSpan.FromHours(1)),
            DemoKey = layers.Get(KnownSettings.DemoKey) is { } demo ? DemoKey(demo) : null,
        },
        Output = new OutputSettings
        {
            Json = Choice(KnownSettings.Json, false, ("true", true), ("false", false)),
            LogLevel = Choice(KnownSettings.LogLevel, LogLevel.Information,
                ("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("information", LogLevel.Information), ("info", LogLevel.Information),
                ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("critical", LogLevel.Critical), ("none", LogLevel.None)),
            JsonLog = Choice(KnownSettings.LogFormat, false, ("text", false), ("json", true)),
        },
    };

    // A timer of .NET takes at most 49 days.
    private static readonly TimeSpan LongestFor = TimeSpan.FromDays(40);

    private delegate bool Parser<T>(string text, out T? value);

    private T? Get<T>(SettingDefinition setting, T? byDefault, Parser<T> parse, string fix)
    {
        if (layers.Get(setting) is not { } given)
            return byDefault;
        if (parse(given.Text, out var value))
            return value;
        Refuse(given, fix);
        return byDefault;
    }

    private IEnumerable<T> Many<T>(SettingDefinition setting, Parser<T> parse, string fix)
    {
        foreach (var given in layers.List(setting))
        {
            if (parse(given.Text, out var value))
                yield return value!;
            else
                Refuse(given, fix);
        }
    }

    private string? DemoKey(GivenValue given)
    {
        if (given.Text.Length is >= 8 and <= 512 && given.Text.All(static c => c is > ' ' and <= '~'))
            return given.Text;
        // The value stays unprinted: it is a secret.
        errors.Add($"{given.Origin} is no secret; give 8 to 512 characters of printable ASCII without spaces.");
        return null;
    }

    private int Number(SettingDefinition setting, int byDefault, int least, int most) =>
        Get(setting, byDefault,
            (string text, out int value) =>
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most,
            string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"));

    private int Port(SettingDefinition setting, int byDefault) => Number(setting, byDefault, 0, 65535);

    private ServiceUrl? Url(SettingDefinition setting, string example) =>
        Get<ServiceUrl>(setting, null, (string text, out ServiceUrl? url) => ServiceUrl.TryParse(text, out url), $"an address such as {example}");

    private TimeSpan Duration(SettingDefinition setting, TimeSpan byDefault, TimeSpan least, TimeSpan most) =>
        Get(setting, byDefault,
            (string text, out TimeSpan value) => Durations.TryParse(text, out value) && value >= least && value <= most,
            $"a duration from {Durations.Format(least)} to {Durations.Format(most)}, such as 50ms, 30s or 1h30m");

    private T Choice<T>(SettingDefinition setting, T byDefault, params (string Name, T Value)[] choices) =>
        Get(setting, byDefault,
            (string text, out T? value) =>
            {
                foreach (var (name, choice) in choices)
                {
                    value = choice;
                    if (string.Equals(name, text, StringComparison.OrdinalIgnoreCase))
                        return true;
                }
                value = byDefault;
                return false;
            },
            $"one of {string.Join(", ", choices.Select(c => c.Name))}")!;

    private int Workload() =>
        Get(KnownSettings.Workload, 50,
            (string text, out int value) =>
            {
                value = 0;
                return string.Equals(text, "none", StringComparison.OrdinalIgnoreCase)
                    || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= 1_000_000);
            },
            "none, or events a second as a whole number up to 1000000");

    private Dictionary<string, string> KafkaConfig()
    {
        var config = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (property, given) in layers.Entries(KnownSettings.KafkaConfig))
        {
            if (PropertyName().IsMatch(property))
                config[property] = given.Text;
            else
                errors.Add($"{given.Origin}: \"{Secrets.MaskUserInfo(property)}\" is no librdkafka property; its names are lower-case words joined by dots, such as security.protocol.");
        }
        return config;
    }

    private void Refuse(GivenValue given, string fix) =>
        errors.Add($"{given.Origin} is \"{Secrets.MaskUserInfo(given.Text)}\"; give {fix}.");

    private static bool ParseBrokers(string text, out string? brokers)
    {
        var parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        brokers = string.Join(',', parts);
        return parts.Length > 0 && parts.All(IsBroker);
    }

    private static bool IsBroker(string broker)
    {
        var match = Broker().Match(broker);
        return match.Success
            && int.TryParse(match.Groups["port"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535;
    }

    private static bool ParseStages(string text, out Stages stages)
    {
        stages = Stages.None;
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var stage = name.ToLowerInvariant() switch { "meter" => Stages.Meter, "govern" => Stages.Govern, "sink" => Stages.Sink, _ => Stages.None };
            if (stage == Stages.None)
                return false;
            stages |= stage;
        }
        return true;
    }

    // The unnamed take their host's name.
    private static bool ParseUpstream(string text, out (string Name, Uri Url) upstream)
    {
        var match = NamedValue().Match(text);
        var isUrl = Uri.TryCreate(match.Success ? match.Groups["value"].Value : text, UriKind.Absolute, out var url);
        upstream = (match.Success ? match.Groups["name"].Value : url?.DnsSafeHost.Replace(':', '-') ?? "", url!);
        return isUrl && url!.Host.Length > 0 && url.Scheme is "http" or "https";
    }

    private static bool ParseKeyFile(string text, out (string Name, string File) file)
    {
        var match = NamedValue().Match(text);
        file = match.Success ? (match.Groups["name"].Value, match.Groups["value"].Value) : ("", text);
        return file.File.Length > 0;
    }

    private static bool ParsePrefix(string text, out string? prefix)
    {
        prefix = text;
        return Prefix().IsMatch(text);
    }

    private static bool ParseName(string text, out string? name)
    {
        name = text;
        return RoleName().IsMatch(text);
    }

    private static bool ParseMember(string text, out string? name)
    {
        name = text;
        return MemberName().IsMatch(text);
    }

    private static bool ParseAddress(string text, out IPAddress? address)
    {
        address = string.Equals(text, "localhost", StringComparison.OrdinalIgnoreCase) ? IPAddress.Loopback : null;
        return address is not null || IPAddress.TryParse(text, out address);
    }

    private static bool ParseDirectory(string text, out string? directory)
    {
        var valid = text.IndexOfAny(Path.GetInvalidPathChars()) < 0;
        directory = valid ? Path.GetFullPath(text) : null;
        return valid;
    }

    [GeneratedRegex(@"^[a-z0-9_.]{1,100}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PropertyName();

    // librdkafka takes a protocol before a broker: SASL_SSL://host:9092.
    [GeneratedRegex(@"^(?:[A-Za-z_]{1,20}://)?(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.%]{2,60}\]):(?<port>[0-9]{1,5})\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Broker();

    [GeneratedRegex(@"^[A-Za-z0-9._-]{0,100}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Prefix();

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,200}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MemberName();

    [GeneratedRegex(@"^(?<name>[A-Za-z0-9._-]{1,100})=(?<value>.+)\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamedValue();

    [GeneratedRegex(@"^[A-Za-z0-9._:/-]{1,200}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex RoleName();
}
