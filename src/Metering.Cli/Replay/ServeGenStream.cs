using Metering.Cli.Workload;

namespace Metering.Cli.Replay;

/// <summary>
/// One client's requests, sampled in order of time. Arrivals are a renewal process of the window's law in the client's
/// own time, which runs at the window's rate; a gap that is not over when a window ends goes on in the next, so that the
/// long-run rate is the published one whatever the burstiness.
/// </summary>
internal sealed class ServeGenStream
{
    private readonly ServeGenClient _client;
    private readonly double _rateFactor;
    private readonly SeededRandom _random;
    private int _window;
    private double _atMicros;
    private double _gapLeft;

    /// <param name="client">Its parameters.</param>
    /// <param name="rateFactor">Multiplies its rates; above 0.</param>
    /// <param name="random">Its own.</param>
    public ServeGenStream(ServeGenClient client, double rateFactor, SeededRandom random)
    {
        (_client, _rateFactor, _random) = (client, rateFactor, random);
        if (client.Windows.Count == 0)
            return;
        _atMicros = client.Windows[0].StartMicros;
        // The process is met somewhere within a gap, not at the start of one.
        _gapLeft = client.Windows[0].Law.Sample(random) * random.NextDouble();
    }

    public string Model => _client.Model;

    public string Client => _client.Name;

    /// <summary>Goes to the next arrival; false when the client sends no more.</summary>
    public bool TryAdvance(out long atMicros)
    {
        for (; _window < _client.Windows.Count; _window++)
        {
            var window = _client.Windows[_window];
            _atMicros = Math.Max(_atMicros, window.StartMicros);
            var requestsPerMicro = window.RequestsPerSecond * _rateFactor / 1e6;
            var nextMicros = _atMicros + (_gapLeft / requestsPerMicro);
            var endMicros = window.StartMicros + ServeGenTables.WindowMicros;
            if (nextMicros < endMicros)
            {
                _atMicros = nextMicros;
                _gapLeft = window.Law.Sample(_random);
                atMicros = (long)nextMicros;
                return true;
            }
            _gapLeft = Math.Max(0, _gapLeft - ((endMicros - _atMicros) * requestsPerMicro));
        }
        atMicros = 0;
        return false;
    }

    /// <summary>Draws a request's sizes; input and output are independent, as the tables give no more.</summary>
    public (long InputTokens, long OutputTokens, long ReasoningTokens) SampleSizes(long atMicros)
    {
        var sizes = _client.SizesAt(atMicros);
        var input = Math.Max(1, sizes.Input!.TokensAt(_random.NextDouble()));
        var output = Math.Max(1, sizes.Output!.TokensAt(_random.NextDouble()));
        var ratio = sizes.ReasoningRatio?.At(_random.NextDouble()) ?? 0;
        return (input, output, (long)(output * Math.Min(1, ratio)));
    }
}
