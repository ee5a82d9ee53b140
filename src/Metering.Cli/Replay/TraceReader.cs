using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Metering.Cli.Workload;
using Metering.Events;

namespace Metering.Cli.Replay;

/// <summary>One request of a trace, ready to publish.</summary>
/// <param name="OffsetMicros">After the trace's first event; 0 or more. Lines that stand out of order are due at once.</param>
/// <param name="Event">Its own object: the reader does not touch it again. Its event time is 0 under <see cref="ReplayEventTime.Now"/>, for the publisher to set.</param>
public readonly record struct TraceEvent(long OffsetMicros, TokenEvent Event);

/// <summary>
/// Reads a trace as numbered token events, one by one, in bounded memory. The same content and options give the same
/// events, request ids and epoch on every machine, so that a second replay is a duplicate. One thread.
/// </summary>
public sealed class TraceReader : IDisposable
{
    /// <summary>The path that means standard input.</summary>
    public const string StandardInput = "-";

    private readonly TraceFiles _files;
    private readonly ITraceRows _rows;
    private readonly TraceOptions _options;
    private readonly ZipfLaw? _tenants;
    private readonly SeededRandom _tenantDraws;
    private readonly string _requestIdPrefix;
    private long? _firstMicros;

    private TraceReader(TraceFiles files, TraceOptions options, string source)
    {
        (_files, _options, Source) = (files, options, source);
        Epoch = options.Epoch ?? HashEpoch(files, options);
        _requestIdPrefix = string.Create(CultureInfo.InvariantCulture, $"{Epoch:x16}-");
        _tenants = options.Tenants is { } ranks ? new ZipfLaw(ranks) : null;
        _tenantDraws = SeededRandom.For(options.Seed, ulong.MaxValue);
        _rows = files.OpenRows(options);
    }

    /// <summary>The source's id.</summary>
    public string Source { get; }

    /// <summary>The epoch of all its events, 1 or more.</summary>
    public long Epoch { get; }

    /// <summary>What the trace turned out to be.</summary>
    public TraceFormat Format => _rows.Format;

    /// <summary>Sums over the events read so far; after the last one, the trace's own.</summary>
    public TraceTotals Totals { get; private set; }

    /// <summary>Opens a trace and recognises its format by its content.</summary>
    /// <param name="path">A file (also .gz), a ServeGen directory or one of its two files, or <see cref="StandardInput"/>.</param>
    /// <param name="options">What the replay adds.</param>
    /// <exception cref="TraceException">It is no trace, or not readable.</exception>
    /// <exception cref="ArgumentException">An option is out of range; the message lists all that are.</exception>
    public static TraceReader Open(string path, TraceOptions options) => Open(path, options, Console.OpenStandardInput);

    /// <inheritdoc cref="Open(string, TraceOptions)"/>
    /// <param name="standardInput">Called for <see cref="StandardInput"/> only.</param>
    public static TraceReader Open(string path, TraceOptions options, Func<Stream> standardInput)
    {
        var errors = options.Validate();
        if (errors.Count > 0)
            throw new ArgumentException(string.Join(Environment.NewLine, errors), nameof(options));
        var files = TraceFiles.Find(path, standardInput);
        try
        {
            return new TraceReader(files, options, options.Source ?? DefaultSource(path));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>The source of a path that names none: the file's name without folder and extensions; <c>stdin</c> for standard input.</summary>
    public static string DefaultSource(string path)
    {
        if (path == StandardInput)
            return "stdin";
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        foreach (var extension in (string[])[".gz", ".csv", ".jsonl", ".json"])
        {
            if (name.Length > extension.Length && name.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
                name = name[..^extension.Length];
        }
        return name;
    }

    /// <summary>The next event; false at the end. Numbers run from 1 without a gap.</summary>
    /// <exception cref="TraceException">A line cannot be understood; the events before it stand.</exception>
    public bool TryRead(out TraceEvent next)
    {
        next = default;
        if (Totals.Events == _options.Limit)
            return false;
        var e = NewEvent(Totals.Events + 1);
        if (!_rows.TryRead(e, out var atMicros))
            return false;

        if (_tenants is not null)
            e.Tenant = string.Create(CultureInfo.InvariantCulture, $"{_options.Tenant}-{_tenants.Sample(_tenantDraws) + 1}");
        if (_options.EventTime == ReplayEventTime.Now)
            e.EventTimeMicros = 0;
        else if (e.EventTimeMicros == 0)
            throw new TraceException(_files.Name, $"event {e.Sequence} has no date, so the trace's event time cannot be kept; use --event-time now");
        (e.Source, e.Epoch, e.Sequence) = (Source, Epoch, Totals.Events + 1);

        Add(e);
        _firstMicros ??= atMicros;
        next = new TraceEvent(Math.Max(0, atMicros - _firstMicros.Value), e);
        return true;
    }

    /// <summary>All events that are left.</summary>
    public IEnumerable<TraceEvent> ReadAll()
    {
        while (TryRead(out var next))
            yield return next;
    }

    public void Dispose()
    {
        _rows.Dispose();
        _files.Dispose();
    }

    private TokenEvent NewEvent(long number) => new()
    {
        Sequence = number,
        RequestId = string.Create(CultureInfo.InvariantCulture, $"{_requestIdPrefix}{number}"),
        Tenant = _options.Tenant,
        Route = _options.Route,
        Model = _options.Model,
        ServedModel = _options.Model,
        Operation = Operation.Chat,
        Status = Status.Ok,
    };

    private void Add(TokenEvent e)
    {
        try
        {
            Totals = new TraceTotals(
                Totals.Events + 1,
                checked(Totals.InputTokens + e.InputTokens),
                checked(Totals.CachedInputTokens + e.CachedInputTokens),
                checked(Totals.OutputTokens + e.OutputTokens));
        }
        catch (OverflowException)
        {
            throw new TraceException(_files.Name, $"the token sum at event {e.Sequence} does not fit 63 bits; are its counts right?");
        }
    }

    /// <summary>63 bits of SHA-256, never 0 (rule R1).</summary>
    private static long HashEpoch(TraceFiles files, TraceOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        options.AppendTo(hash);
        files.AppendTo(hash);
        var epoch = BinaryPrimitives.ReadInt64BigEndian(hash.GetHashAndReset()) & long.MaxValue;
        return epoch == 0 ? 1 : epoch;
    }
}
