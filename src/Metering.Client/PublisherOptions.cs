using System.Globalization;
using System.Text;

namespace Metering.Client;

/// <summary>How a source publishes. Checked at start, all errors at once.</summary>
public sealed class PublisherOptions
{
    // What exactness rests on: a property given by hand may not change it.
    private static readonly HashSet<string> Ours = new(StringComparer.Ordinal)
    {
        "bootstrap.servers", "enable.idempotence", "acks", "request.required.acks", "partitioner", "transactional.id",
        "message.timeout.ms", "delivery.timeout.ms", "message.send.max.retries", "retries", "max.in.flight",
        "max.in.flight.requests.per.connection", "enable.gapless.guarantee",
    };

    /// <summary><c>host:port[,host:port]</c>. Required.</summary>
    public string Brokers { get; set; } = "";

    /// <summary>The schema registry's URL, with a path, user and password where needed. Required.</summary>
    public string Registry { get; set; } = "";

    /// <summary>Who publishes: the identity under which the ledger counts, and the records' key. Required. Two processes of
    /// one machine need two names or two data folders; on two machines one name is safe, their epochs differ.</summary>
    public string Source { get; set; } = "";

    /// <summary>Stands before every topic's name. Default: none.</summary>
    public string TopicPrefix { get; set; } = "";

    /// <summary>The spool lies under <c>spool/SOURCE</c> in it. Must survive a restart (a volume, not a container's own layer). Default <c>./data</c>.</summary>
    public string DataFolder { get; set; } = "./data";

    /// <summary>The spool's bound on disk. Default 1 GB (some 3 million events); at least 1 MB.</summary>
    public long MaxSpoolBytes { get; set; } = 1L << 30;

    /// <summary>What a power cut may take. Default <see cref="SpoolFsync.Interval"/>.</summary>
    public SpoolFsync Fsync { get; set; } = SpoolFsync.Interval;

    /// <summary>For <see cref="SpoolFsync.Interval"/>. Default 50 ms: one commit interval of the pipeline. From 1 ms to 1 min.</summary>
    public TimeSpan FsyncInterval { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Null (the default) takes a new epoch at each start (R1). Only a source that numbers the same events in the same
    /// way each time, such as a replayed file, may name its own: what it publishes twice is then a duplicate.</summary>
    public long? Epoch { get; set; }

    /// <summary>Events sent and not yet acknowledged, at most (R3). Default 16,384; from 1 to 65,536.</summary>
    public int Window { get; set; } = 16_384;

    /// <summary>Events that waited longer in the spool are not sent but counted as expired (R2): the pipeline keeps an idle
    /// epoch for 30 days. Default, and at most, 15 days.</summary>
    public TimeSpan MaxSpoolAge { get; set; } = TimeSpan.FromDays(15);

    /// <summary>How often a changed SourceReport is published. Default 1 s; from 50 ms.</summary>
    public TimeSpan ReportInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long closing waits for the broker; what is left then stays in the spool for the next start. Default 10 s.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Any librdkafka property (SASL, TLS, …). Its values never print.</summary>
    public IDictionary<string, string> KafkaConfig { get; set; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>What is wrong, a sentence each; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (string.IsNullOrWhiteSpace(Brokers))
            errors.Add("Brokers is empty: give host:port of the Kafka brokers.");
        if (!Uri.TryCreate(Registry, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            errors.Add("Registry is not an http or https URL of a schema registry.");
        if (EventRules.CheckSource(Source) is { } fault)
            errors.Add($"Source is not usable: {fault}.");
        if (TopicPrefix is null || TopicPrefix.Length > 150 || !TopicPrefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            errors.Add($"TopicPrefix '{TopicPrefix}' is not a topic's name: at most 150 letters, digits, '.', '_' and '-'.");
        if (string.IsNullOrWhiteSpace(DataFolder))
            errors.Add("DataFolder is empty: name a folder that survives a restart.");
        if (MaxSpoolBytes < 1 << 20)
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"MaxSpoolBytes {MaxSpoolBytes} is too small: at least 1,048,576."));
        if (!Enum.IsDefined(Fsync))
            errors.Add($"Fsync {Fsync} does not exist.");
        CheckRange(errors, nameof(FsyncInterval), FsyncInterval, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1));
        CheckRange(errors, nameof(ReportInterval), ReportInterval, TimeSpan.FromMilliseconds(50), TimeSpan.FromHours(1));
        CheckRange(errors, nameof(CloseTimeout), CloseTimeout, TimeSpan.Zero, TimeSpan.FromHours(1));
        CheckRange(errors, nameof(MaxSpoolAge), MaxSpoolAge, TimeSpan.FromSeconds(1), TimeSpan.FromDays(15));
        if (Epoch is < 1)
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"Epoch {Epoch} is out of range: from 1 up, or null for a new one."));
        if (Window is < 1 or > 65_536)
            errors.Add(string.Create(CultureInfo.InvariantCulture, $"Window {Window} is out of range: 1 to 65,536 (R3)."));
        foreach (var name in (KafkaConfig ?? new Dictionary<string, string>(StringComparer.Ordinal)).Keys.Where(Ours.Contains))
            errors.Add($"KafkaConfig {name} cannot be set by hand: exactly-once rests on the value that the publisher gives it.");
        return errors;
    }

    private static void CheckRange(List<string> errors, string name, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        if (value < least || value > most)
            errors.Add($"{name} {value} is out of range: {least} to {most}.");
    }

    /// <summary>Without secrets: the registry's user and password and the values of KafkaConfig are left out.</summary>
    public override string ToString()
    {
        var text = new StringBuilder().Append("Brokers = ").Append(Brokers).Append(", Registry = ").Append(Sending.RegistryUrl.Redact(Registry))
            .Append(", Source = ").Append(Source).Append(", TopicPrefix = ").Append(TopicPrefix);
        if (KafkaConfig.Count > 0)
            text.Append(", KafkaConfig = ").AppendJoin(' ', KafkaConfig.Keys.Order(StringComparer.Ordinal).Select(name => name + "=***"));
        return text.ToString();
    }
}
