using System.Diagnostics;

namespace Metering.Benchmarks.Codec;

/// <summary>
/// The generated codec of TokenEvent against Confluent's serdes for the same generated type, on the same bytes. Rounds of
/// each alternate in one process; a figure is the median of its rounds.
/// </summary>
public static class CodecBench
{
    private const string Bench = "codec";
    private const string Confluents = "Confluent AvroDeserializer<TokenEvent>";
    private const int EventCount = 10_000;
    private const int Rounds = 9;

    public static IReadOnlyList<Figure> Run()
    {
        var run = new CodecRun(SampleEvents.Create(EventCount, seed: 20261124));
        var (reader, view, theirs, apache, writer, theirWriter) = Measure(run);
        var fresh = run.BytesWithNewRequestIds();
        return
        [
            Figure.Told(Bench, "bytes of an event, mean", run.MeanBytes, "B"),
            Figure.Told(Bench, "reader into a class", reader, "records/s"),
            Figure.Told(Bench, "reader into a view", view, "records/s"),
            Figure.Told(Bench, Confluents, theirs, "records/s"),
            Figure.Told(Bench, "Apache.Avro SpecificDatumReader alone", apache, "records/s"),
            Figure.AtLeast(Bench, "reader into a class, ratio", reader / theirs, "x", 15, Confluents),
            Figure.AtLeast(Bench, "reader into a view, ratio", view / theirs, "x", 15, Confluents),
            Figure.AtMost(Bench, "class: bytes allocated, strings all known", run.BytesPerEvent(run.ReadClasses), "B/event", 0),
            Figure.Told(Bench, "class: bytes allocated, request ids all new", fresh.Total, "B/event"),
            Figure.AtMost(Bench, "class: the same beyond the new strings", fresh.Beyond, "B/event", 0),
            Figure.AtMost(Bench, "view: bytes allocated", run.BytesPerEvent(run.ReadViews), "B/event", 0),
            Figure.Told(Bench, Confluents + ": bytes allocated", run.BytesPerEventOfAllThreads(run.ReadTheirs), "B/event"),
            Figure.Told(Bench, "writer", writer, "records/s"),
            Figure.Told(Bench, "writer, ratio to Confluent's AvroSerializer", writer / theirWriter, "x"),
            Figure.AtMost(Bench, "writer: bytes allocated", run.BytesPerEvent(run.Write), "B/event", 0),
        ];
    }

    private static (double Reader, double View, double Theirs, double Apache, double Writer, double TheirWriter) Measure(CodecRun run)
    {
        // Two seconds of the same work let tiered compilation settle.
        var warm = Stopwatch.StartNew();
        while (warm.Elapsed < TimeSpan.FromSeconds(2))
        {
            run.ReadClasses();
            run.ReadViews();
            run.ReadTheirs();
            run.ReadApache();
            run.Write();
            run.WriteTheirs();
        }
        var figures = new List<double>[6];
        for (var i = 0; i < figures.Length; i++)
            figures[i] = [];
        for (var round = 0; round < Rounds; round++)
        {
            figures[0].Add(RecordsPerSecond(run.ReadClasses, passes: 20));
            figures[1].Add(RecordsPerSecond(run.ReadViews, passes: 20));
            figures[2].Add(RecordsPerSecond(run.ReadTheirs, passes: 2));
            figures[3].Add(RecordsPerSecond(run.ReadApache, passes: 2));
            figures[4].Add(RecordsPerSecond(run.Write, passes: 20));
            figures[5].Add(RecordsPerSecond(run.WriteTheirs, passes: 2));
        }
        return (Median(figures[0]), Median(figures[1]), Median(figures[2]), Median(figures[3]), Median(figures[4]), Median(figures[5]));
    }

    private static double RecordsPerSecond(Action pass, int passes)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < passes; i++)
            pass();
        return passes * EventCount / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
